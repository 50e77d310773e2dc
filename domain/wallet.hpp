// Wallet: an account's double-entry ledger in integer cents. Money moves only by a posting whose entries sum
// to zero, so every journal position balances within its own chain (DESIGN, section 4).
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "domain/account.hpp"

namespace groundtruth::domain {

// available: free to spend. escrow: promised to open tasks. fees: the platform's share. transit: on its way
// to a worker's chain; above zero where it left, below zero where it arrived. payable: owed to a worker.
// external: the world outside; negative by what came in.
enum class LedgerAccount : std::uint8_t { available, escrow, fees, transit, payable, external };
BOOST_DESCRIBE_ENUM(LedgerAccount, available, escrow, fees, transit, payable, external)
inline constexpr std::size_t kLedgerAccounts = 6;

enum class PostingReason : std::uint8_t {
  deposit,
  task_funding,
  task_refund,
  submission_pay,
  work_earned,
  contest_pay
};
BOOST_DESCRIBE_ENUM(PostingReason, deposit, task_funding, task_refund, submission_pay, work_earned,
                    contest_pay)

// Which way money goes, and for what: every posting follows one of these rows.
struct PostingRule {
  PostingReason reason{};
  LedgerAccount from{}, to{};
};
inline constexpr std::array<PostingRule, 6> kPostingRules{{
    // in the order of PostingReason
    {PostingReason::deposit, LedgerAccount::external, LedgerAccount::available},
    {PostingReason::task_funding, LedgerAccount::external, LedgerAccount::escrow},
    {PostingReason::task_refund, LedgerAccount::escrow, LedgerAccount::external},
    {PostingReason::submission_pay, LedgerAccount::escrow,
     LedgerAccount::transit},                                                      // in the customer's chain
    {PostingReason::work_earned, LedgerAccount::transit, LedgerAccount::payable},  // in the worker's
    {PostingReason::contest_pay, LedgerAccount::external,
     LedgerAccount::transit},  // in the customer's chain, the platform's own money
}};
constexpr const PostingRule& rule_of(PostingReason reason) {
  return kPostingRules[static_cast<std::size_t>(reason)];
}

struct PostingEntry {
  LedgerAccount account{};
  Cents amount_cents;
};
BOOST_DESCRIBE_STRUCT(PostingEntry, (), (account, amount_cents))

// --- events
// ---------------------------------------------------------------------------------------------------------

struct WalletPosted {
  static constexpr std::string_view kType = "wallet.posted";
  static constexpr int kSchema = 2;
  AccountId account;
  PostingReason reason{};
  std::string reference;  // what it is for: a task, a checkout, a submission or an assignment
  std::vector<PostingEntry> entries;
};
BOOST_DESCRIBE_STRUCT(WalletPosted, (), (account, reason, reference, entries))

// --- state
// ----------------------------------------------------------------------------------------------------------

struct Wallet {
  using Key = WalletId;
  AccountId account;
  Cents available, escrow, fees, transit, payable, external;
  Cents& balance(LedgerAccount which);
  Cents balance(LedgerAccount which) const { return const_cast<Wallet*>(this)->balance(which); }
};
BOOST_DESCRIBE_STRUCT(Wallet, (), (account, available, escrow, fees, transit, payable, external))

void evolve(Wallet& state, const WalletPosted& event, Timestamp at);

// A transfer of `amount` > 0 along the reason's row of the table: the only way in which this code makes
// postings.
WalletPosted transfer(const AccountId& account, PostingReason reason, std::string reference, Cents amount);
// What follows holds for whatever an event says: amounts whose sum leaves int64 do not balance.
bool balances(const WalletPosted& event);
// True when it is what `transfer` makes: one amount > 0 along the reason's row, and nothing besides.
bool follows_rules(const WalletPosted& event);
// True for the ledger accounts that never fall below zero.
constexpr bool is_never_negative(LedgerAccount which) {
  return which != LedgerAccount::external && which != LedgerAccount::transit;
}
// True when none of those would.
bool covers(const Wallet& state, const WalletPosted& event);

// --- commands
// -------------------------------------------------------------------------------------------------------

struct Deposit {
  static constexpr std::string_view kName = "wallet.deposit";
  AccountId account;
  Cents amount_cents;  // > 0
  std::string reference;
};
BOOST_DESCRIBE_STRUCT(Deposit, (), (account, amount_cents, reference))

}  // namespace groundtruth::domain
