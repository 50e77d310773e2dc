// Read-only connections to one projection's file, bounded, for many threads.
//
// Threads: everything may be called from any thread; what a lease gives belongs to the thread that holds it.
// Errors: sqlite::Error when the file cannot be opened. A lease is short: a swap of the file waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "journal/sqlite/db.hpp"

namespace groundtruth::projections {

class ReadPool {
 public:
  ReadPool(std::filesystem::path file, std::size_t max_connections);
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    sqlite::Connection& operator*() const { return *connection_; }
    sqlite::Connection* operator->() const { return connection_.get(); }

   private:
    friend class ReadPool;
    Lease(ReadPool& pool, std::unique_ptr<sqlite::Connection> connection, bool lengthy)
        : pool_(&pool), connection_(std::move(connection)), lengthy_(lengthy) {}
    ReadPool* pool_;
    std::unique_ptr<sqlite::Connection> connection_;
    bool lengthy_;
  };

  // For a query of milliseconds. Waits while all connections are out or the file is being swapped.
  Lease lease();
  // For a walk over the whole file (a digest): a connection of its own, beside the bounded ones. A swap does
  // not begin while one is out.
  Lease lease_lengthy();

  // Waits for lengthy leases and holds off new ones until destroyed.
  class NoLengthy {
   public:
    explicit NoLengthy(ReadPool& pool);
    NoLengthy(const NoLengthy&) = delete;
    NoLengthy& operator=(const NoLengthy&) = delete;
    ~NoLengthy();

   private:
    ReadPool& pool_;
  };

  // While it lives, no connection is open: it waits for leases and holds off new ones. Connections opened
  // later see the file that then has the name; `generation` has moved on.
  class Closed {
   public:
    explicit Closed(ReadPool& pool);
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;
    ~Closed();

   private:
    ReadPool& pool_;
  };

  std::uint64_t generation() const { return generation_; }

 private:
  std::unique_ptr<sqlite::Connection> open() const;
  void give_back(std::unique_ptr<sqlite::Connection> connection, bool lengthy) noexcept;

  const std::filesystem::path file_;
  const std::size_t max_connections_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<sqlite::Connection>> idle_;
  std::size_t out_ = 0, lengthy_out_ = 0;
  std::size_t no_lengthy_ = 0;  // who holds lengthy ones off
  bool closed_ = false;
  std::atomic<std::uint64_t> generation_{0};
};

// All statements within its life see one state of the file.
class Snapshot {
 public:
  explicit Snapshot(sqlite::Connection& connection);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

 private:
  sqlite::Connection& connection_;
};

}  // namespace groundtruth::projections
