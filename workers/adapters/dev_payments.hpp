// Payments without a provider, for --dev: the checkout is a page of this very server (api/dev/).
#pragma once

#include <string>

#include "workers/ports/payments.hpp"

namespace groundtruth::adapters {

// Thread-safe once the base is set. Makes the same URL for the same task each time and keeps nothing.
class DevPayments final : public ports::Payments {
 public:
  // Scheme, host and port as a browser reaches this server: "http://127.0.0.1:8080". Set once, before the
  // server starts; it is not in the constructor because the port is known only once the listener is bound.
  void set_public_base(std::string base);

  void create_checkout(ports::CheckoutRequest request,
                       std::function<void(std::optional<std::string> url, std::string reason)> done) override;

 private:
  std::string base_;
};

}  // namespace groundtruth::adapters
