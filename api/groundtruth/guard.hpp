// Who may come in: address limit, credential, the key's limit, scope, in CONTRACTS' order, before the body is
// read.
#pragma once

#include <memory>
#include <optional>

#include "api/groundtruth/services.hpp"
#include "api/http/message.hpp"
#include "api/http/router.hpp"

namespace groundtruth::api::groundtruth {

// What the guard leaves in Request::principal. `credential` is null where nobody was let in.
struct Caller {
  std::shared_ptr<const Credential> credential;
  RateState rate;

  const domain::AccountId& account() const { return credential->account; }
  journal::Partition partition() const {
    return journal::partition_of(journal::Topic::tasks, credential->bucket);
  }
};

// The caller of a request that the guard let through. Throws std::bad_any_cast for one that it never saw.
const Caller& caller_of(const http::Request& request);

// nullopt lets the request through. An address over its limit is refused before its key is looked up; a key
// that is known to be good passes all the same, so a stranger behind the same address locks nobody out.
http::Async<std::optional<http::Response>> guard(Services& services, http::Request& request,
                                                 const http::Route& route);

// Rate-limit headers, on every response to a request whose limit is known.
void finish(const http::Request& request, http::Response& response);

}  // namespace groundtruth::api::groundtruth
