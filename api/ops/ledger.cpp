// The ledger for operators: sums over all wallets, an account's statement, an audit of all postings.
#include "api/common/fields.hpp"
#include "api/ops/aside.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/ledger_report.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::string_view kOrganization = "org_", kWorker = "wrk_";

}  // namespace

Async<Response> ledger_balance(Services& services, Request&) {
  const std::function<TrialBalanceView()> work = [&services] { return trial_balance(services.projector); };
  const Outcome<TrialBalanceView> outcome = co_await aside(&services.jobs, work);
  if (!outcome.value) co_return error(503, "unavailable", outcome.failure);
  co_return json(200, *outcome.value);
}

// ?after= is the `next` of the page before.
Async<Response> account_statement(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto after = query.text("after");
  const auto limit = query.integer("limit", 1, projections::kMaxPage);
  const auto place = after ? projections::parse_posting_place(*after) : std::nullopt;
  if (after && !place) query.fail("after", "invalid_value", "must be the `next` of a page of this list");
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);
  const auto id = request.param("id");
  if (!domain::is_id(id, kOrganization) && !domain::is_id(id, kWorker)) co_return no_such_account();
  const domain::AccountId account{std::string(id)};
  const auto page = statement(services.projector, account, place,
                              static_cast<std::uint32_t>(limit.value_or(projections::kMaxPage)));
  if (!page) co_return no_such_account();
  co_return json(200, *page);
}

Async<Response> ledger_check(Services& services, Request&) {
  co_return services.jobs.stream([&services](Report& report) {
    check_ledger_live(services.journal, services.codec, services.projector, report);
  });
}

}  // namespace groundtruth::ops
