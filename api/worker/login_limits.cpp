// See login_limits.hpp.
#include "api/worker/login_limits.hpp"

namespace groundtruth::api::worker {

std::string LoginLimits::pair_of(std::string_view account, std::string_view address) {
  return std::string(account) + ' ' + std::string(address);
}

LoginLimits::Attempt LoginLimits::begin(std::string_view account, std::string_view address) {
  Attempt attempt;
  const bool is_under_attack = accounts_.look(account).remaining == 0;
  attempt.pair = pairs_.take(pair_of(account, address), is_under_attack ? 1 : pair_limit_);
  if (attempt.pair.allowed) attempt.account = accounts_.take(account);
  return attempt;
}

void LoginLimits::forget(std::string_view account, std::string_view address, const Attempt& attempt) {
  pairs_.give_back(pair_of(account, address), attempt.pair);
  accounts_.give_back(account, attempt.account);
}

}  // namespace groundtruth::api::worker
