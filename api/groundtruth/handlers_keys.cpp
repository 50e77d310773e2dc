// API keys: make, list, revoke (CONTRACTS, "groundtruth").
#include "api/groundtruth/handlers_keys.hpp"

#include "api/common/api_key_format.hpp"
#include "api/common/text.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/exchange.hpp"
#include "api/groundtruth/paging.hpp"
#include "api/groundtruth/render.hpp"
#include "api/groundtruth/requests.hpp"
#include "api/http/async.hpp"

namespace groundtruth::api::groundtruth {
namespace {

constexpr std::string_view kKeyList = "api-keys";

// "" where too many wait for their hash already.
http::Async<std::string> hash_secret(Services& services, const http::Request& request, std::string secret) {
  auto begin = [&](auto done) {
    WorkFor whom;
    whom.subject = request.account;
    whom.is_wanted = [gone = request.abandoned] { return !gone.stop_requested(); };
    whom.dropped = [done] { done(std::string()); };
    if (!services.bcrypt.try_hash(std::move(secret), done, std::move(whom))) done(std::string());
  };
  std::string hash = co_await http::await_callback<std::string>(std::move(begin));
  co_return hash;
}

}  // namespace

http::Async<http::Response> create_api_key(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<CreateApiKeyRequest>(request);
  if (!body.value) co_return to_response(body.problem);

  const MintedApiKey minted = mint_api_key(services.clock.now(), caller.credential->bucket,
                                           services.randomness, services.options.authenticator.key_prefix);
  std::string hash = co_await hash_secret(services, request, minted.secret);
  if (hash.empty()) co_return to_response(unavailable("Too many API keys are being made at the moment."));

  domain::CreateApiKey command;
  command.key = minted.id;
  command.account = caller.account();
  command.name = to_nfc(body.value->name.value);
  command.scopes = std::move(body.value->scopes.value);
  command.prefix = minted.display;
  command.secret_hash = std::move(hash);
  command.expires_at = body.value->expires_at.value;
  Order order{std::move(command), std::move(intent.keyed), std::nullopt};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  // A replayed answer is about the key of the first request, whose secret nobody has any more.
  const std::string_view secret = answer.replayed ? std::string_view() : std::string_view(minted.key);
  co_return written(201, render_key_created(*answer.commit, secret), answer);
}

http::Async<http::Response> list_api_keys(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  QueryReader query(request);
  const PageRequest wanted = read_page(query, services.cursors, kKeyList, caller.account());
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  std::optional<domain::ApiKeyId> after;
  if (wanted.after) after = domain::ApiKeyId{*wanted.after};
  const auto offset = after ? 0 : wanted.offset();
  const auto found = services.accounts.live_keys(caller.account(), after, offset, wanted.per_page);
  if (!found)
    co_return to_response(wrong_field("cursor", "invalid_value", "must be a next_cursor of this list"));
  const projections::Page<domain::ApiKey>& page = *found;
  const Pagination pagination = pagination_of(wanted, page, services.cursors, kKeyList, caller.account());
  co_return ok(render_keys(page.items, pagination));
}

http::Async<http::Response> revoke_api_key(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const std::string id(request.param("id"));
  if (!domain::is_id(id, kApiKeyIdPrefix) || domain::bucket_of(id) != caller.credential->bucket)
    co_return to_response(no_such("API key"));
  domain::RevokeApiKey command{domain::ApiKeyId{id}, caller.account()};
  Order order{std::move(command), std::nullopt, std::nullopt};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_key_revoked(*answer.commit), answer);
}

}  // namespace groundtruth::api::groundtruth
