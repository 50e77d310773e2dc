// Lending and swapping of read-only connections (contract in read_pool.hpp).
#include "projections/read_pool.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace groundtruth::projections {
namespace {

// At most, for the connections of a pool together and for one of them.
constexpr std::size_t kPoolCacheKib = 128 * 1024;
constexpr std::size_t kMaxCacheKib = 16 * 1024;

}  // namespace

ReadPool::ReadPool(std::filesystem::path file, std::size_t max_connections)
    : file_(std::move(file)), max_connections_(max_connections) {
  idle_.reserve(max_connections_);
}

std::unique_ptr<sqlite::Connection> ReadPool::open() const {
  sqlite::OpenOptions options;
  options.mode = sqlite::OpenMode::read_only;
  // Only the moment in which a writer restarts the log can make a reader wait.
  options.busy_timeout_ms = 1'000;
  auto connection = std::make_unique<sqlite::Connection>(file_, options);
  // Pages that the connection keeps for itself: what the kernel holds besides costs a call and a copy each
  // time.
  const auto kib = std::min(kMaxCacheKib, kPoolCacheKib / max_connections_);
  connection->exec("PRAGMA query_only = ON; PRAGMA cache_size = -" + std::to_string(kib));
  return connection;
}

ReadPool::Lease ReadPool::lease() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !closed_ && out_ < max_connections_; });
  ++out_;
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(connection), false};
  }
  lock.unlock();
  try {
    return {*this, open(), false};
  } catch (...) {
    give_back(nullptr, false);
    throw;
  }
}

ReadPool::Lease ReadPool::lease_lengthy() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !closed_ && no_lengthy_ == 0; });
    ++lengthy_out_;
  }
  try {
    return {*this, open(), true};
  } catch (...) {
    give_back(nullptr, true);
    throw;
  }
}

void ReadPool::give_back(std::unique_ptr<sqlite::Connection> connection, bool lengthy) noexcept {
  if (lengthy) connection.reset();
  const std::lock_guard lock(mutex_);
  --(lengthy ? lengthy_out_ : out_);
  if (connection) idle_.push_back(std::move(connection));
  changed_.notify_all();
}

ReadPool::Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      connection_(std::move(other.connection_)),
      lengthy_(other.lengthy_) {}

ReadPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->give_back(std::move(connection_), lengthy_);
}

ReadPool::NoLengthy::NoLengthy(ReadPool& pool) : pool_(pool) {
  std::unique_lock lock(pool_.mutex_);
  ++pool_.no_lengthy_;
  pool_.changed_.wait(lock, [&] { return pool_.lengthy_out_ == 0; });
}

ReadPool::NoLengthy::~NoLengthy() {
  const std::lock_guard lock(pool_.mutex_);
  --pool_.no_lengthy_;
  pool_.changed_.notify_all();
}

ReadPool::Closed::Closed(ReadPool& pool) : pool_(pool) {
  std::unique_lock lock(pool_.mutex_);
  pool_.changed_.wait(lock, [&] { return !pool_.closed_; });
  pool_.closed_ = true;
  pool_.changed_.wait(lock, [&] { return pool_.out_ == 0 && pool_.lengthy_out_ == 0; });
  pool_.idle_.clear();
}

ReadPool::Closed::~Closed() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.closed_ = false;
  ++pool_.generation_;
  pool_.changed_.notify_all();
}

Snapshot::Snapshot(sqlite::Connection& connection) : connection_(connection) {
  connection_.cached("BEGIN").run();
}

Snapshot::~Snapshot() {
  try {
    if (connection_.in_transaction()) connection_.cached("COMMIT").run();
  } catch (const std::exception&) {
    // Reading holds nothing that could be lost; a broken connection says so to its next user.
  }
}

}  // namespace groundtruth::projections
