// The auditor of the ledger (contract in audit.hpp).
#include "projections/wallets/audit.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "projections/stream_key.hpp"

namespace groundtruth::projections {
namespace {

using domain::Cents;
using domain::LedgerAccount;
using journal::Position;

std::string_view name_of(LedgerAccount account) {
  return boost::describe::enum_to_string(account, "");
}

std::string cents(Cents amount) {
  return std::to_string(amount.value) + " cents";
}

LedgerAccount ledger_account(std::size_t index) {
  return static_cast<LedgerAccount>(index);
}

// Stops at the ends of int64 rather than beyond them: what comes there is wrong already, and stays so.
Cents plus(Cents a, Cents b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a.value, b.value, &sum)) return {sum};
  return {b.value > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min()};
}

Cents minus(Cents a, Cents b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a.value, b.value, &difference)) return {difference};
  return {b.value < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min()};
}

// What a task keeps in escrow.
Cents promise_of(const domain::Task& task) {
  std::int64_t promise = 0;
  if (__builtin_mul_overflow(task.reward_cents.value, task.promised_submissions(), &promise))
    return {std::numeric_limits<std::int64_t>::max()};
  return {promise};
}

// The texts of a task are most of its bytes, and no money depends on them.
void drop_texts(domain::Task& task) {
  task.title = {};
  task.instructions = {};
  task.metadata = {{}};
  task.funding_url = {};
  task.modalities = {};
}

std::string describe(const std::vector<domain::PostingEntry>& entries) {
  std::string out;
  for (const auto& entry : entries) {
    if (!out.empty()) out += ", ";
    out += std::string(name_of(entry.account)) + ' ' + std::to_string(entry.amount_cents.value);
  }
  return out.empty() ? "nothing" : out;
}

std::string differences(const domain::Wallet& model, const domain::Wallet& journal) {
  std::string out;
  for (std::size_t i = 0; i < domain::kLedgerAccounts; ++i) {
    const auto which = ledger_account(i);
    if (model.balance(which) == journal.balance(which)) continue;
    if (!out.empty()) out += ", ";
    out += std::string(name_of(which)) + " is " + std::to_string(model.balance(which).value) + " there and " +
           std::to_string(journal.balance(which).value) + " by the journal";
  }
  if (out.empty() && model.account != journal.account)
    out = "it is of account " + model.account.value + " there";
  return out;
}

}  // namespace

LedgerAudit::LedgerAudit(std::optional<WalletSnapshot> model) : model_(std::move(model)) {
  if (model_) findings_.compared = model_->wallets.size();
}

void LedgerAudit::take(journal::Partition partition, const journal::Commit& commit) {
  const Position at{partition, commit.seq};
  touched_.clear();
  for (const auto& event : commit.events)
    std::visit(
        [&]<class E>(const E& data) {
          if constexpr (std::is_same_v<E, domain::WalletPosted>)
            take_posting(at, event, data);
          else if constexpr (domain::EvolvesBy<domain::Task, E>)
            take_task_event(at, event.stream, data, commit.at);
        },
        event.data);
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (Account* account : touched_) check_account(at, *account);
}

LedgerAudit::Account& LedgerAudit::account_of(const std::string& wallet_key, const Position& at) {
  auto& account = accounts_[wallet_key];  // a map of nodes: the address stays
  account.last = at;
  touched_.push_back(&account);
  return account;
}

void LedgerAudit::take_posting(const Position& at, const journal::CommittedEvent& event,
                               const domain::WalletPosted& posted) {
  ++findings_.postings;
  if (!domain::balances(posted)) {
    report(LedgerRule::balance, at, posted.account,
           "a posting does not sum to zero: " + describe(posted.entries));
  } else if (!domain::follows_rules(posted)) {
    const auto& rule = domain::rule_of(posted.reason);
    report(LedgerRule::direction, at, posted.account,
           "a " + std::string(boost::describe::enum_to_string(posted.reason, "")) + " moves money from " +
               std::string(name_of(rule.from)) + " to " + std::string(name_of(rule.to)) +
               ", and this one is: " + describe(posted.entries));
  }
  if (event.stream != domain::wallet_of(posted.account).value)
    report(LedgerRule::owner, at, posted.account, "the posting stands in another wallet: " + event.stream);
  const auto key = stream_key(event.stream);
  auto& account = account_of(key, at);
  account.wallet.account = posted.account;
  for (const auto& entry : posted.entries) {
    auto& balance = account.wallet.balance(entry.account);
    balance = plus(balance, entry.amount_cents);
  }
  ++account.version;
  if (model_) compare(at, key, account);
}

// The model's row is looked at once, at the version that it names. A posting that comes when there is no row
// (any more) must be one that the model had not seen.
void LedgerAudit::compare(const Position& at, const std::string& key, Account& account) {
  const auto row = model_->wallets.find(key);
  if (row == model_->wallets.end()) {
    const auto& checkpoint = model_->checkpoints[journal::index_of(at.partition)];
    if (!checkpoint.exists || at.seq > checkpoint.seq || account.known_behind) return;
    account.known_behind = true;
    report(LedgerRule::read_model, at, account.wallet.account,
           "the read model lacks this posting, though it has come as far as seq " +
               std::to_string(checkpoint.seq));
    return;
  }
  if (row->second.version != account.version) return;
  if (const auto wrong = differences(row->second.state, account.wallet); !wrong.empty())
    report(LedgerRule::read_model, at, account.wallet.account, "in the read model " + wrong);
  model_->wallets.erase(row);
}

template <class E>
void LedgerAudit::take_task_event(const Position& at, const std::string& stream, const E& event,
                                  domain::Timestamp when) {
  auto found = open_.find(stream);
  // A task that expired unpaid comes back by a new checkout, whose event says all that counts here.
  if constexpr (std::is_same_v<E, domain::TaskCreated> || std::is_same_v<E, domain::TaskCheckoutRenewed>) {
    if (found == open_.end()) found = open_.emplace(stream, domain::Task{}).first;
  }
  if (found == open_.end()) return;  // closed already: it promises nothing whatever comes
  auto& task = found->second;
  const Cents before = promise_of(task);
  evolve(task, event, when);
  drop_texts(task);
  const Cents after = promise_of(task);
  if (before != after) {
    auto& account = account_of(stream_key(domain::wallet_of(task.account).value), at);
    account.wallet.account = task.account;
    account.promised = plus(minus(account.promised, before), after);
  }
  if (!task.is_alive() && task.pending_submissions == 0) open_.erase(found);
}

void LedgerAudit::check_account(const Position& at, Account& account) {
  for (std::size_t i = 0; i < domain::kLedgerAccounts; ++i) {
    const auto which = ledger_account(i);
    const auto bit = static_cast<std::uint8_t>(1U << i);
    const bool in_debt = domain::is_never_negative(which) && account.wallet.balance(which) < Cents{};
    if (in_debt && (account.known_debts & bit) == 0)
      report(LedgerRule::debt, at, account.wallet.account,
             std::string(name_of(which)) + " is below zero: " + cents(account.wallet.balance(which)));
    account.known_debts =
        static_cast<std::uint8_t>(in_debt ? account.known_debts | bit : account.known_debts & ~bit);
  }
  // Said once for each commit that changes it, not again for all that follow.
  const Cents gap = minus(account.wallet.escrow, account.promised);
  if (gap != account.known_gap && gap != Cents{})
    report(LedgerRule::escrow, at, account.wallet.account,
           "escrow holds " + cents(account.wallet.escrow) + ", and the open tasks promise " +
               cents(account.promised));
  account.known_gap = gap;
}

LedgerFindings LedgerAudit::finish() {
  // In the order of keys, so that two readings of one journal say the same.
  std::map<std::string_view, const Account*> accounts;
  for (const auto& [key, account] : accounts_)
    if (account.version > 0) accounts.emplace(key, &account);
  findings_.wallets = accounts.size();
  for (const auto& [key, account] : accounts)
    for (std::size_t i = 0; i < findings_.sums.size(); ++i)
      findings_.sums[i] = plus(findings_.sums[i], account->wallet.balance(ledger_account(i)));
  const Cents transit = findings_.sums[static_cast<std::size_t>(LedgerAccount::transit)];
  if (transit != Cents{})
    for (const auto& [key, account] : accounts)
      if (account->wallet.transit != Cents{})
        report(LedgerRule::transit, account->last, account->wallet.account,
               cents(account->wallet.transit) + " are in transit, and " + cents(transit) +
                   " over all wallets, where nothing is on its way");
  findings_.open_tasks = static_cast<std::uint64_t>(std::count_if(
      open_.begin(), open_.end(), [](auto& each) { return each.second.status == domain::TaskStatus::open; }));
  if (model_) {
    std::map<std::string_view, const Versioned<domain::Wallet>*> left;
    for (const auto& [key, row] : model_->wallets) left.emplace(key, &row);
    for (const auto& [key, row] : left) {
      const auto known = accounts.find(key);
      const auto postings = known == accounts.end() ? 0 : known->second->version;
      report(LedgerRule::read_model,
             known == accounts.end() ? std::nullopt : std::optional(known->second->last), row->state.account,
             "the read model has " + std::to_string(row->version) + " postings of this wallet, the journal " +
                 std::to_string(postings));
    }
  }
  return std::move(findings_);
}

void LedgerAudit::report(LedgerRule rule, const std::optional<Position>& at, const domain::AccountId& account,
                         std::string what) {
  ++findings_.violated;
  if (findings_.violations.size() < kKeptViolations)
    findings_.violations.push_back({rule, at, account, std::move(what)});
}

}  // namespace groundtruth::projections
