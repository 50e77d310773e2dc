// See commands.hpp.
#include "api/ops/commands.hpp"

#include "api/http/async.hpp"
#include "api/ops/errors.hpp"

namespace groundtruth::ops {

journal::Submission operator_submission(Services& services, const http::Request& request,
                                        domain::Bucket bucket, const domain::AccountId& account,
                                        domain::Command command) {
  journal::Submission submission;
  submission.id =
      domain::new_id<domain::CommandId>("cmd_", services.clock.now(), bucket, services.randomness.bits());
  submission.partition = journal::partition_of(journal::Topic::tasks, bucket);
  submission.actor = {journal::ActorKind::admin, "operator", account.value};
  submission.command = std::move(command);
  submission.deadline = request.deadline;
  return submission;
}

void add_position(http::Response& response, const journal::Answer& answer) {
  if (answer.commit)
    response.header("Journal-Position",
                    journal::to_string(journal::Position{answer.partition, answer.commit->seq}));
}

KeyView view_of(const domain::ApiKey& key) {
  return {key.id,         key.name,       key.scopes,       key.prefix,
          key.created_at, key.expires_at, key.last_used_at, key.revoked_at};
}

http::Async<std::optional<NewKey>> mint_key(Services& services, domain::Bucket bucket) {
  NewKey key;
  key.minted = api::mint_api_key(services.clock.now(), bucket, services.randomness);
  using Hash = std::optional<std::string>;
  const auto start = [&services, &key](auto done) {
    const bool queued = services.bcrypt.try_hash(key.minted.secret,
                                                 [done](std::string hash) { done(Hash(std::move(hash))); });
    if (!queued) done(Hash());
  };
  const Hash hash = co_await http::await_callback<Hash>(start);
  std::optional<NewKey> result;
  if (hash) {
    key.hash = *hash;
    result = std::move(key);
  }
  co_return result;
}

http::Response busy_hashing() {
  auto response = error(503, "busy", "too many keys are queued to be hashed; try again");
  response.header("Retry-After", "1");
  return response;
}

}  // namespace groundtruth::ops
