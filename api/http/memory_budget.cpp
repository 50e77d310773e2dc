// See memory_budget.hpp.
#include "api/http/memory_budget.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <functional>

#include "api/http/connection_limits.hpp"

namespace groundtruth::http {

namespace {

// Addresses as the caps on connections count them; text that is no address stands for itself.
std::string share_of_address(std::string_view textual_ip) {
  boost::system::error_code not_one;
  const auto address = boost::asio::ip::make_address(std::string(textual_ip), not_one);
  if (not_one) return std::string(textual_ip);
  const auto key = ConnectionLimits::key_of(address);
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

}  // namespace

MemoryBudget::Shares::Shard& MemoryBudget::Shares::shard_of(std::string_view subject) {
  return shards_[std::hash<std::string_view>{}(subject) % kShards];
}

bool MemoryBudget::Shares::take(std::string_view subject, std::size_t bytes, std::size_t limit_bytes) {
  Shard& shard = shard_of(subject);
  const std::lock_guard lock(shard.mutex);
  const auto [entry, is_new] = shard.used.try_emplace(std::string(subject));
  if (bytes > limit_bytes || entry->second > limit_bytes - bytes) {
    if (is_new) shard.used.erase(entry);
    return false;
  }
  entry->second += bytes;
  return true;
}

void MemoryBudget::Shares::give_back(std::string_view subject, std::size_t bytes) {
  if (bytes == 0) return;
  Shard& shard = shard_of(subject);
  const std::lock_guard lock(shard.mutex);
  const auto entry = shard.used.find(std::string(subject));
  entry->second -= bytes;
  if (entry->second == 0) shard.used.erase(entry);
}

bool MemoryBudget::take_total(std::size_t more, bool is_small) {
  const std::size_t limit = is_small ? limits_.total_bytes : limits_.total_bytes - limits_.total_bytes / 4;
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (more > limit || used > limit - more) return false;
  } while (!used_.compare_exchange_weak(used, used + more, std::memory_order_relaxed));
  return true;
}

bool MemoryBudget::Hold::take(std::size_t wanted, const Payer& payer) {
  const std::size_t more = wanted - held_;
  // Whose share it is stays as it was for as long as anything is held.
  if (of_address_ == 0) address_ = payer.address.empty() ? std::string() : share_of_address(payer.address);
  if (of_account_ == 0) account_ = payer.account;
  auto& budget = *budget_;
  if (!address_.empty() && !budget.addresses_.take(address_, more, budget.limits_.address_bytes)) {
    budget.refused_address_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  const auto return_address = [&] {
    if (!address_.empty()) budget.addresses_.give_back(address_, more);
  };
  if (!account_.empty() && !budget.accounts_.take(account_, more, budget.limits_.account_bytes)) {
    return_address();
    budget.refused_account_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!budget.take_total(more, wanted <= kSmallBytes)) {
    return_address();
    if (!account_.empty()) budget.accounts_.give_back(account_, more);
    budget.refused_total_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  held_ = wanted;
  if (!address_.empty()) of_address_ += more;
  if (!account_.empty()) of_account_ += more;
  return true;
}

bool MemoryBudget::Hold::give_back(std::size_t wanted) {
  if (held_ == wanted) return true;
  const auto shrink = [wanted](Shares& shares, const std::string& subject, std::size_t& part) {
    const std::size_t kept = std::min(part, wanted);
    shares.give_back(subject, part - kept);
    part = kept;
  };
  shrink(budget_->addresses_, address_, of_address_);
  shrink(budget_->accounts_, account_, of_account_);
  budget_->used_.fetch_sub(held_ - wanted, std::memory_order_relaxed);
  held_ = wanted;
  return true;
}

MemoryBudget::Counters MemoryBudget::counters() const {
  constexpr auto relaxed = std::memory_order_relaxed;
  return {used_.load(relaxed), limits_.total_bytes, refused_total_.load(relaxed),
          refused_account_.load(relaxed), refused_address_.load(relaxed)};
}

}  // namespace groundtruth::http
