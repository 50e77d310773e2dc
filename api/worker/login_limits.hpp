// How often somebody may try a password: slowly from one address at one account, so that guessing takes for
// ever, and never so that a stranger's wrong passwords lock the owner out.
//
// Wrong ones count by address and account together. They count by account as well, with a much wider limit:
// once many addresses have reached that together, each of them has one attempt a window instead of all, and
// an address that was not wrong before, the owner's, still has its own.
#pragma once

#include <string>
#include <string_view>

#include "api/common/rate_limiter.hpp"

namespace groundtruth::api::worker {

// Thread-safe.
class LoginLimits {
 public:
  LoginLimits(RateLimit of_pair, RateLimit of_account, const journal::Clock& clock)
      : pair_limit_(of_pair.requests), pairs_(of_pair, clock), accounts_(of_account, clock) {}

  struct Attempt {
    RateState pair, account;
    bool allowed() const { return pair.allowed; }
  };

  // Counts an attempt before the password is checked, as if it were wrong: of many at once no more pass than
  // the limit says. `account` is a name of it that is the same for addresses of nobody.
  Attempt begin(std::string_view account, std::string_view address);

  // It was right, or was not checked: then it does not count.
  void forget(std::string_view account, std::string_view address, const Attempt& attempt);

 private:
  static std::string pair_of(std::string_view account, std::string_view address);

  const std::uint32_t pair_limit_;
  RateLimiter pairs_, accounts_;
};

}  // namespace groundtruth::api::worker
