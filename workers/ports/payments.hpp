// Payments, seen from here: a hosted page on which a customer pays for a task. The provider is an adapter's
// business.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "domain/ids.hpp"

namespace groundtruth::ports {

struct CheckoutRequest {
  domain::CheckoutId checkout;  // ours, deterministic for a retry; the provider must not make two for one id
  domain::AccountId account;
  domain::TaskId task;
  std::string title;  // what is being paid for, as the payer reads it
  domain::Cents amount_cents;
};

// Thread-safe. `done` gets the URL of the page, or nullopt with the reason when the provider cannot be
// reached; it may be called on any thread, also before the call returns.
class Payments {
 public:
  virtual ~Payments() = default;
  virtual void create_checkout(
      CheckoutRequest request,
      std::function<void(std::optional<std::string> url, std::string reason)> done) = 0;
};

}  // namespace groundtruth::ports
