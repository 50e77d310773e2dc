// API keys for operators: make, list and revoke them for any account.
#include "api/common/fields.hpp"
#include "api/common/text.hpp"
#include "api/ops/commands.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"
#include "projections/accounts/queries.hpp"

namespace groundtruth::ops {
namespace {

struct KeyRequest {
  journal::codec::Text<1, 100> name;
  journal::codec::UniqueList<domain::Scope, 1, 3> scopes;
  std::optional<domain::Timestamp> expires_at;
};
BOOST_DESCRIBE_STRUCT(KeyRequest, (), (name, scopes, expires_at))

struct CreatedKey {
  domain::ApiKeyId id;
  std::string api_key;  // shown this once
  KeyView key;
};
BOOST_DESCRIBE_STRUCT(CreatedKey, (), (id, api_key, key))

struct KeyListView {
  std::vector<KeyView> keys;
  bool more = false;
};
BOOST_DESCRIBE_STRUCT(KeyListView, (), (keys, more))

std::optional<domain::AccountId> account_of(Services& services, const Request& request) {
  const auto id = request.param("id");
  if (!domain::is_id(id, "org_")) return std::nullopt;
  domain::AccountId account{std::string(id)};
  if (!projections::AccountQueries(services.projector.readers("accounts")).account(account))
    return std::nullopt;
  return account;
}

}  // namespace

Async<Response> create_key(Services& services, Request& request) {
  auto decoded = decode_body<KeyRequest>(request);
  if (auto* refused = std::get_if<Response>(&decoded)) co_return std::move(*refused);
  const auto& wanted = std::get<KeyRequest>(decoded);
  const auto account = account_of(services, request);
  const auto bucket = account ? domain::bucket_of(account->value) : std::nullopt;
  if (!bucket) co_return no_such_account();

  const std::optional<NewKey> key = co_await mint_key(services, *bucket);
  if (!key) co_return busy_hashing();
  const std::string name = api::to_nfc(wanted.name.value);
  domain::CreateApiKey command{
      key->minted.id, *account, name, wanted.scopes.value, key->minted.display, key->hash, wanted.expires_at};
  auto submission = operator_submission(services, request, *bucket, *account, std::move(command));
  const journal::Answer answer = co_await submit(services.node, std::move(submission));
  if (answer.kind != journal::AnswerKind::accepted) co_return refused(answer);

  CreatedKey view{key->minted.id, key->minted.key, {}};
  view.key = {key->minted.id,
              name,
              wanted.scopes.value,
              key->minted.display,
              answer.commit->at,
              wanted.expires_at,
              {},
              {}};
  auto response = json(201, view);
  add_position(response, answer);
  co_return response;
}

Async<Response> list_keys(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto after = query.text("after");
  const auto limit = query.integer("limit", 1, projections::kMaxPage);
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);
  const auto account = account_of(services, request);
  if (!account) co_return no_such_account();

  std::optional<domain::ApiKeyId> start;
  if (after) start = domain::ApiKeyId{std::string(*after)};
  const auto page =
      projections::AccountQueries(services.projector.readers("accounts"))
          .api_keys_after(*account, start, static_cast<std::uint32_t>(limit.value_or(projections::kMaxPage)));
  if (!page) co_return error(400, "validation_error", "after must be the id of a key of this account");
  KeyListView list;
  for (const auto& row : page->items) list.keys.push_back(view_of(row.state));
  list.more = page->more;
  co_return json(200, list);
}

Async<Response> revoke_key(Services& services, Request& request) {
  const auto account = account_of(services, request);
  const auto bucket = account ? domain::bucket_of(account->value) : std::nullopt;
  if (!bucket) co_return no_such_account();
  if (!domain::is_id(request.param("key"), api::kApiKeyIdPrefix))
    co_return error(404, "api_key_not_found", "this account has no such key");
  domain::RevokeApiKey command{{std::string(request.param("key"))}, *account};
  auto submission = operator_submission(services, request, *bucket, *account, std::move(command));
  const journal::Answer answer = co_await submit(services.node, std::move(submission));
  if (answer.kind != journal::AnswerKind::accepted) co_return refused(answer);
  Response response;
  response.status = 204;
  add_position(response, answer);
  co_return response;
}

}  // namespace groundtruth::ops
