// See ledger_report.hpp.
#include "api/ops/ledger_report.hpp"

#include "journal/codec/json_writer.hpp"
#include "projections/accounts/queries.hpp"
#include "projections/workers/queries.hpp"

namespace groundtruth::ops {
namespace {

struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("the audit was cancelled") {}
};

Balances balances_of(const projections::LedgerSums& sums) {
  Balances balances;
  for (std::size_t i = 0; i < sums.size(); ++i)
    balances[boost::describe::enum_to_string(static_cast<domain::LedgerAccount>(i), "")] = sums[i];
  return balances;
}

}  // namespace

TrialBalanceView trial_balance(projections::Projector& projector) {
  const auto balance = projections::WalletQueries(projector.readers("wallets")).trial_balance();
  TrialBalanceView view{balance.wallets, balances_of(balance.sums), {}};
  for (const auto sum : balance.sums) view.total_cents += sum;
  return view;
}

bool exists(projections::Projector& projector, const domain::AccountId& account) {
  return projections::AccountQueries(projector.readers("accounts")).account(account).has_value() ||
         projections::WorkerQueries(projector.readers("workers")).worker({account.value}).has_value();
}

std::optional<StatementView> statement(projections::Projector& projector, const domain::AccountId& account,
                                       const std::optional<projections::PostingPlace>& after,
                                       std::uint32_t limit) {
  if (!exists(projector, account)) return std::nullopt;
  const auto page = projections::WalletQueries(projector.readers("wallets"))
                        .statement(domain::wallet_of(account), after, limit);
  StatementView view{account, {}, {}};
  for (const auto& posting : page.postings)
    view.postings.push_back({journal::to_string(posting.place.position), posting.place.event, posting.at,
                             posting.reason, posting.reference, posting.entries});
  if (page.more) view.next = projections::to_string(page.postings.back().place);
  return view;
}

LedgerCheckView view_of(const journal::VerifyReport& journal, const projections::LedgerFindings& findings) {
  LedgerCheckView view;
  view.sound = journal.sound() && findings.holds();
  view.journal = journal.journal_uuid;
  view.commits = journal.commits;
  view.postings = findings.postings;
  view.wallets = findings.wallets;
  view.open_tasks = findings.open_tasks;
  view.balances_cents = balances_of(findings.sums);
  view.compared = findings.compared;
  if (journal.problem) view.problem = journal::to_string(*journal.problem);
  view.violated = findings.violated;
  for (const auto& each : findings.violations) {
    ViolationRow row{each.rule, {}, each.account, each.what};
    if (each.position) row.position = journal::to_string(*each.position);
    view.violations.push_back(std::move(row));
  }
  return view;
}

std::string first_finding(const LedgerCheckView& view) {
  if (view.problem) return *view.problem;
  if (view.violations.empty()) return {};
  const auto& first = view.violations.front();
  return first.position.value_or("the read model") + ", account " + first.account.value + ": " + first.what;
}

void feed(projections::LedgerAudit& audit, const journal::CommitCodec& codec,
          journal::VerifyOptions& options) {
  options.decode = [&audit, &codec](journal::Partition partition, const journal::Record& record) {
    audit.take(partition, codec.decode(*record.value));
  };
}

void check_ledger_live(const journal::Journal& journal, const journal::CommitCodec& codec,
                       projections::Projector& projector, Report& report) {
  projections::LedgerAudit audit(projections::WalletQueries(projector.readers("wallets")).snapshot());
  auto options = counting_options(records_in(journal), [&report](std::uint64_t done, std::uint64_t total) {
    if (report.cancelled()) throw Cancelled();
    report.progress("reading", done, total);
  });
  feed(audit, codec, options);
  const auto verified = journal::verify_journal(journal, options);
  report.result(journal::codec::to_json(view_of(verified, audit.finish())));
}

}  // namespace groundtruth::ops
