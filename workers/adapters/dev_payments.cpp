// The local checkout's URLs (workers/adapters/dev_payments.hpp).
#include "workers/adapters/dev_payments.hpp"

namespace groundtruth::adapters {

void DevPayments::set_public_base(std::string base) {
  while (base.ends_with('/')) base.pop_back();
  base_ = std::move(base);
}

void DevPayments::create_checkout(ports::CheckoutRequest request,
                                  std::function<void(std::optional<std::string>, std::string)> done) {
  if (base_.empty()) return done(std::nullopt, "The local checkout has no address yet.");
  done(base_ + "/dev/checkout/" + request.task.value, {});
}

}  // namespace groundtruth::adapters
