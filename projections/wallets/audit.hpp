// The ledger's auditor: reads every posting and every task of the journal and says whether the money adds up.
// It shares nothing with the read models but the domain's `evolve`, so that it can also find them wrong.
//
// What it proves:
//   balance     every posting sums to zero
//   direction   and moves money along its reason's row of domain::kPostingRules
//   owner       and stands in the stream of its own account's wallet
//   debt        after every commit no ledger account is below zero but `external` and `transit`
//   escrow      after every commit an account's escrow is what its tasks promise: reward_cents for each
//               submission that is not bought yet, or of an ended task waits for its review
//   transit     at the end, nothing is on its way between chains: over all wallets transit is zero
//   read_model  each wallet of the read model is the sum of the postings that it has seen
//
// Not thread-safe. Memory: some 250 bytes a wallet (twice with a read model) and 500 a task that is open or
// waits for its money or for reviews.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/task.hpp"
#include "domain/wallet.hpp"
#include "journal/commit.hpp"
#include "projections/wallets/queries.hpp"

namespace groundtruth::projections {

enum class LedgerRule : std::uint8_t { balance, direction, owner, debt, escrow, transit, read_model };
BOOST_DESCRIBE_ENUM(LedgerRule, balance, direction, owner, debt, escrow, transit, read_model)

struct LedgerViolation {
  LedgerRule rule{};
  // Of the commit that broke it, or of the last one that touched the wallet; nullopt: the journal has none.
  std::optional<journal::Position> position;
  domain::AccountId account;
  std::string what;
};

struct LedgerFindings {
  std::uint64_t postings = 0;
  std::uint64_t wallets = 0;
  std::uint64_t open_tasks = 0;
  std::optional<std::uint64_t> compared;  // wallets of the read model; nullopt: there was none to compare
  LedgerSums sums{};
  std::uint64_t violated = 0;               // how often in all
  std::vector<LedgerViolation> violations;  // the first kKeptViolations
  bool holds() const { return violated == 0; }
};

inline constexpr std::size_t kKeptViolations = 100;

class LedgerAudit {
 public:
  // `model` must be taken before the journal is read: then the journal has all that the model has seen, and
  // each wallet is compared when the reading comes to the version that the model holds of it.
  explicit LedgerAudit(std::optional<WalletSnapshot> model);

  // Accepted commits, each partition's in the order of its chain.
  void take(journal::Partition partition, const journal::Commit& commit);

  LedgerFindings finish();  // last call

 private:
  struct Account {
    domain::Wallet wallet;
    domain::Cents promised;        // by open tasks
    std::uint32_t version = 0;     // postings so far
    domain::Cents known_gap;       // escrow less promised, as reported last
    std::uint8_t known_debts = 0;  // a bit for each ledger account that was reported below zero
    bool known_behind = false;     // the read model's row
    journal::Position last;        // the commit that touched it last
  };

  Account& account_of(const std::string& wallet_key, const journal::Position& at);
  void take_posting(const journal::Position& at, const journal::CommittedEvent& event,
                    const domain::WalletPosted& posted);
  template <class E>
  void take_task_event(const journal::Position& at, const std::string& stream, const E& event,
                       domain::Timestamp when);
  void compare(const journal::Position& at, const std::string& key, Account& account);
  void check_account(const journal::Position& at, Account& account);
  void report(LedgerRule rule, const std::optional<journal::Position>& at, const domain::AccountId& account,
              std::string what);

  std::optional<WalletSnapshot> model_;
  std::unordered_map<std::string, Account> accounts_;   // by stream_key of the wallet
  std::unordered_map<std::string, domain::Task> open_;  // those that may still promise, without their texts
  std::vector<Account*> touched_;                       // by the commit under way
  LedgerFindings findings_;
};

}  // namespace groundtruth::projections
