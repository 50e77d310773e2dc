// An HTTP client as the API wants one, for `demo`: what it has seen once it sees again, whichever node
// answers, and what a node that dies or a broker that is away leaves open it asks again, with the same
// Idempotency-Key, so that nothing is done twice.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "app/ops_client.hpp"

namespace groundtruth::app {

// Not thread-safe, as HttpClient.
class PatientClient {
 public:
  // The newest Journal-Position that those who share it were told.
  using Seen = std::shared_ptr<std::string>;

  PatientClient(const std::string& base_url, const std::string& bearer, Seen seen)
      : client_(base_url, bearer), seen_(std::move(seen)) {}

  // Asks again after a connection that broke, and after 502, 503 and 504, for a minute at most; what came
  // last is the answer then, or the error is thrown.
  HttpAnswer send(HttpClient::Call call);
  HttpAnswer get(const std::string& path) { return send({"GET", path, {}, {}, {}, {}}); }
  HttpAnswer post(const std::string& path, std::string body = {}) {
    return send({"POST", path, std::move(body), "application/json", {}, {}});
  }

 private:
  HttpClient client_;
  Seen seen_;
};

}  // namespace groundtruth::app
