// What the operators' commands share: who acts, how a submission is filled, how keys are minted and shown.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/common/api_key_format.hpp"
#include "api/http/message.hpp"
#include "api/ops/services.hpp"
#include "domain/domain.hpp"
#include "journal/submission.hpp"

namespace groundtruth::ops {

// A command of an operator's on behalf of `account`, for the partition of `bucket`; its `done` is still to be
// set.
journal::Submission operator_submission(Services& services, const http::Request& request,
                                        domain::Bucket bucket, const domain::AccountId& account,
                                        domain::Command command);

void add_position(http::Response& response, const journal::Answer& answer);

struct KeyView {
  domain::ApiKeyId id;
  std::string name;
  std::vector<domain::Scope> scopes;
  std::string prefix;
  domain::Timestamp created_at;
  std::optional<domain::Timestamp> expires_at, last_used_at, revoked_at;
};
BOOST_DESCRIBE_STRUCT(KeyView, (),
                      (id, name, scopes, prefix, created_at, expires_at, last_used_at, revoked_at))
KeyView view_of(const domain::ApiKey& key);

// A key that is minted and hashed, not yet in the journal.
struct NewKey {
  api::MintedApiKey minted;
  std::string hash;
};
// nullopt: too many wait for their hash; answer 503.
http::Async<std::optional<NewKey>> mint_key(Services& services, domain::Bucket bucket);

http::Response busy_hashing();

}  // namespace groundtruth::ops
