// One budget of bytes for all messages on their way: bodies that come in, what decoding them takes, answers
// that nobody has read yet. It has a share for each account and for each address, so that nobody takes all
// of it. Where it is spent, requests are answered 503; memory does not grow.
//
// What a connection has in any case, its first kFreeBytes, is not counted: http.max_connections bounds that.
// Thread-safe. Most requests stay below kFreeBytes and touch nothing that threads share.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace groundtruth::http {

struct MemoryLimits {
  std::size_t total_bytes = std::size_t{256} << 20;
  std::size_t account_bytes = std::size_t{64} << 20;
  std::size_t address_bytes = std::size_t{64} << 20;
};

class MemoryBudget {
 public:
  static constexpr std::size_t kFreeBytes = 16 * 1024;
  // Holds above this size leave a quarter of the budget to those below it: ordinary requests go on while
  // large bodies are refused.
  static constexpr std::size_t kSmallBytes = 64 * 1024;

  explicit MemoryBudget(MemoryLimits limits) : limits_(limits) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Who has it, as far as that is known; "" is nobody in particular.
  struct Payer {
    std::string_view address;  // textual IP; of IPv6 the /64 network counts
    std::string_view account;
  };

  // What one connection holds; given back on destruction. One thread at a time. Without a budget it counts
  // nothing and refuses nothing.
  class Hold {
   public:
    explicit Hold(MemoryBudget* budget) : budget_(budget) {}
    ~Hold() { give_back(0); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    // From now on `bytes` in all. False where that is more than there is room for: then all stays as it was.
    bool resize(std::size_t bytes, const Payer& payer) {
      const std::size_t wanted = bytes > kFreeBytes && budget_ != nullptr ? bytes : 0;
      if (wanted == held_) return true;
      return wanted > held_ ? take(wanted, payer) : give_back(wanted);
    }

   private:
    bool take(std::size_t wanted, const Payer& payer);
    bool give_back(std::size_t wanted);  // true

    MemoryBudget* budget_;
    std::size_t held_ = 0, of_address_ = 0, of_account_ = 0;
    std::string address_, account_;  // whose shares these are
  };

  struct Counters {
    std::uint64_t used_bytes, limit_bytes;
    std::uint64_t refused_total, refused_account, refused_address;  // by what was spent
  };
  Counters counters() const;

 private:
  // What each subject has of the budget. Subjects that have nothing take no place.
  class Shares {
   public:
    bool take(std::string_view subject, std::size_t bytes, std::size_t limit_bytes);
    void give_back(std::string_view subject, std::size_t bytes);

   private:
    struct Shard {
      std::mutex mutex;
      std::unordered_map<std::string, std::size_t> used;
    };
    static constexpr std::size_t kShards = 16;
    Shard& shard_of(std::string_view subject);

    std::array<Shard, kShards> shards_;
  };

  bool take_total(std::size_t more, bool is_small);

  const MemoryLimits limits_;
  std::atomic<std::size_t> used_{0};
  Shares addresses_, accounts_;
  std::atomic<std::uint64_t> refused_total_{0}, refused_account_{0}, refused_address_{0};
};

}  // namespace groundtruth::http
