// The ledger as operators read it: sums over all wallets, an account's statement, and the audit of all
// postings. The server's handlers and the command line without a server say the same through this file.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/ops/streaming.hpp"
#include "api/ops/verify_report.hpp"
#include "journal/commit.hpp"
#include "journal/verify.hpp"
#include "projections/projector.hpp"
#include "projections/wallets/audit.hpp"
#include "projections/wallets/queries.hpp"

namespace groundtruth::ops {

// --- balance

using Balances = std::map<std::string, domain::Cents>;  // by the name of the ledger account

struct TrialBalanceView {
  std::uint64_t wallets = 0;
  Balances balances_cents;
  domain::Cents total_cents;  // 0, or money was made
};
BOOST_DESCRIBE_STRUCT(TrialBalanceView, (), (wallets, balances_cents, total_cents))

// Walks over all wallets. Throws sqlite::Error.
TrialBalanceView trial_balance(projections::Projector& projector);

// --- statement

struct PostingView {
  std::string position;  // of the commit, as in the header Journal-Position
  std::uint32_t event = 0;
  domain::Timestamp at;
  domain::PostingReason reason{};
  std::string reference;
  std::vector<domain::PostingEntry> entries;
};
BOOST_DESCRIBE_STRUCT(PostingView, (), (position, event, at, reason, reference, entries))

struct StatementView {
  domain::AccountId account;
  std::vector<PostingView> postings;  // oldest first
  std::optional<std::string> next;    // what `after` is for the next page; absent on the last one
};
BOOST_DESCRIBE_STRUCT(StatementView, (), (account, postings, next))

// nullopt: there is no such account. An account that never moved money has no postings. Throws sqlite::Error.
std::optional<StatementView> statement(projections::Projector& projector, const domain::AccountId& account,
                                       const std::optional<projections::PostingPlace>& after,
                                       std::uint32_t limit);

// --- check

struct ViolationRow {
  projections::LedgerRule rule{};
  std::optional<std::string> position;  // "tasks.3.1234"
  domain::AccountId account;
  std::string what;
};
BOOST_DESCRIBE_STRUCT(ViolationRow, (), (rule, position, account, what))

struct LedgerCheckView {
  bool sound = false;
  std::string journal;  // its UUID, "" when no genesis could be read
  std::uint64_t commits = 0, postings = 0, wallets = 0, open_tasks = 0;
  Balances balances_cents;
  std::optional<std::uint64_t> compared;  // wallets of the read model; absent: there was none to compare
  std::optional<std::string> problem;     // of the journal itself, with what to do: then nothing is proved
  std::uint64_t violated = 0;             // in all
  std::vector<ViolationRow> violations;   // the first of them
};
BOOST_DESCRIBE_STRUCT(LedgerCheckView, (),
                      (sound, journal, commits, postings, wallets, open_tasks, balances_cents, compared,
                       problem, violated, violations))

LedgerCheckView view_of(const journal::VerifyReport& journal, const projections::LedgerFindings& findings);

// What stands first among the findings, in one line; "" where there are none.
std::string first_finding(const LedgerCheckView& view);

// Lets the audit see every commit that an audit of the chain accepts. Both outlive the options' use.
void feed(projections::LedgerAudit& audit, const journal::CommitCodec& codec,
          journal::VerifyOptions& options);

// Audits the ledger under a running server, its read model included.
void check_ledger_live(const journal::Journal& journal, const journal::CommitCodec& codec,
                       projections::Projector& projector, Report& report);

}  // namespace groundtruth::ops
