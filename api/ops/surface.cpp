// See surface.hpp.
#include "api/ops/surface.hpp"

#include <sodium.h>

#include "api/common/exchange.hpp"
#include "api/http/async.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::string_view kOperator = "operator";  // what Route::scope says where the token is needed

bool shows_token(const Services& services, const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto header = request.headers.find("Authorization");
  if (!header || request.headers.count("Authorization") != 1) return false;
  if (header->size() != kScheme.size() + services.token.size()) return false;
  if (!http::equals_ignoring_case(header->substr(0, kScheme.size()), kScheme)) return false;
  return sodium_memcmp(header->data() + kScheme.size(), services.token.data(), services.token.size()) == 0;
}

Response token_wanted() {
  auto response = error(401, "unauthorized", "send the token of DATA/ops.token as Authorization: Bearer");
  response.header("WWW-Authenticate", "Bearer");
  return response;
}

Async<std::optional<Response>> guard(const Services* services, const Request* request,
                                     const http::Route* route) {
  std::optional<Response> refused;
  if (route->scope == kOperator) {
    // Operators see what customers were told. Not for long: who looks at a sick system must see what there
    // is.
    if (shows_token(*services, *request))
      co_await api::catch_up_with_all(services->node, services->clock);
    else
      refused = token_wanted();
  }
  co_return refused;
}

using Handler = Async<Response> (*)(Services&, Request&);

}  // namespace

http::Surface make_ops_surface(Services& services) {
  using enum http::Method;
  using enum http::BodyKind;
  http::Surface surface;
  surface.name = "ops";
  const auto add = [&](http::Method method, std::string_view pattern, std::string_view operation,
                       Handler handler, http::BodyKind body = none, std::string_view scope = kOperator) {
    http::Route route{method, pattern, operation,
                      [&services, handler](Request& request) { return handler(services, request); }};
    route.body = body;
    route.scope = scope;
    surface.routes.push_back(std::move(route));
  };
  add(get, "/livez", "livez", livez, none, "");
  add(get, "/readyz", "readyz", readyz, none, "");
  add(get, "/metrics", "metrics", metrics, none, "");
  add(get, "/ops/routes", "listRoutes", routes);
  add(post, "/ops/accounts", "createAccount", create_account, json);
  add(get, "/ops/accounts", "listAccounts", list_accounts);
  add(get, "/ops/accounts/{id}", "readAccount", read_account);
  add(del, "/ops/accounts/{id}", "eraseAccount", erase_account);
  add(get, "/ops/accounts/{id}/limits", "readLimits", account_limits);
  add(post, "/ops/accounts/{id}/keys", "createKey", create_key, json);
  add(get, "/ops/accounts/{id}/keys", "listKeys", list_keys);
  add(del, "/ops/accounts/{id}/keys/{key}", "revokeKey", revoke_key);
  add(get, "/ops/workers", "findWorker", find_worker);
  add(get, "/ops/workers/{id}", "readWorker", read_worker);
  add(del, "/ops/workers/{id}", "eraseWorker", erase_worker);
  add(get, "/ops/workers/{id}/limits", "readWorkerLimits", worker_limits);
  add(get, "/ops/contests", "listContests", list_contests);
  add(get, "/ops/contests/{id}", "readContest", read_contest);
  add(post, "/ops/contests/{id}/uphold", "upholdContest", uphold_contest);
  add(post, "/ops/contests/{id}/dismiss", "dismissContest", dismiss_contest);
  add(get, "/ops/journal", "journalStat", journal_stat);
  add(post, "/ops/journal/verify", "journalVerify", journal_verify);
  add(get, "/ops/journal/{topic}/{partition}", "journalCat", journal_cat);
  add(get, "/ops/accounts/{id}/statement", "readStatement", account_statement);
  add(get, "/ops/ledger/trial-balance", "trialBalance", ledger_balance);
  add(post, "/ops/ledger/check", "checkLedger", ledger_check);
  add(get, "/ops/projections", "listProjections", projection_list);
  add(get, "/ops/projections/digest", "digestProjections", projection_digest);
  add(post, "/ops/projections/rebuild", "rebuildAllProjections", projection_rebuild);
  add(post, "/ops/projections/{name}/rebuild", "rebuildProjection", projection_rebuild);

  for (auto& row : list_routes({surface})) services.routes.push_back(std::move(row));

  surface.guard = [&services](Request& request, const http::Route& route) {
    return guard(&services, &request, &route);
  };
  surface.finish = [](const Request&, Response&) {};
  surface.refuse = [&services](http::Refusal refused, const Request& request, std::string_view detail) {
    // Who has no token learns nothing about which paths there are.
    const bool asks_ops = request.path.starts_with("/ops/") || request.path == "/ops";
    const bool says_paths =
        refused == http::Refusal::not_found || refused == http::Refusal::method_not_allowed;
    if (asks_ops && says_paths && !shows_token(services, request)) return token_wanted();
    return refusal(refused, detail);
  };
  surface.claims = [](const Request&) { return true; };
  return surface;
}

std::vector<RouteRow> list_routes(const std::vector<http::Surface>& surfaces) {
  std::vector<RouteRow> rows;
  for (const auto& surface : surfaces)
    for (const auto& route : surface.routes)
      rows.push_back({surface.name, std::string(http::to_string(route.method)), std::string(route.pattern)});
  return rows;
}

}  // namespace groundtruth::ops
