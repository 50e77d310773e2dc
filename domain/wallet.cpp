// Postings and what they do to balances (domain/wallet.hpp).
#include "domain/wallet.hpp"

#include "domain/domain.hpp"

namespace groundtruth::domain {
namespace {

template <template <class...> class List, class... Enumerators>
constexpr bool one_row_each(List<Enumerators...>) {
  std::size_t row = 0;
  return kPostingRules.size() == sizeof...(Enumerators) &&
         ((kPostingRules[row++].reason == Enumerators::value) && ...);
}
static_assert(one_row_each(boost::describe::describe_enumerators<PostingReason>{}),
              "every reason has its row in kPostingRules, in the same order");

}  // namespace

Cents& Wallet::balance(LedgerAccount which) {
  switch (which) {
    case LedgerAccount::available:
      return available;
    case LedgerAccount::escrow:
      return escrow;
    case LedgerAccount::fees:
      return fees;
    case LedgerAccount::transit:
      return transit;
    case LedgerAccount::payable:
      return payable;
    case LedgerAccount::external:
      return external;
  }
  return external;
}

void evolve(Wallet& state, const WalletPosted& event, Timestamp) {
  state.account = event.account;
  for (const auto& entry : event.entries) state.balance(entry.account) += entry.amount_cents;
}

WalletPosted transfer(const AccountId& account, PostingReason reason, std::string reference, Cents amount) {
  const auto& rule = rule_of(reason);
  return {account, reason, std::move(reference), {{rule.from, -amount}, {rule.to, amount}}};
}

bool balances(const WalletPosted& event) {
  std::int64_t sum = 0;
  for (const auto& entry : event.entries)
    if (__builtin_add_overflow(sum, entry.amount_cents.value, &sum)) return false;
  return sum == 0;
}

bool follows_rules(const WalletPosted& event) {
  if (event.entries.size() != 2) return false;
  const auto& rule = rule_of(event.reason);
  const auto& out = event.entries.front();
  const auto& in = event.entries.back();
  return out.account == rule.from && in.account == rule.to && in.amount_cents > Cents{0} &&
         out.amount_cents == -in.amount_cents;
}

bool covers(const Wallet& state, const WalletPosted& event) {
  Wallet after = state;
  evolve(after, event, Timestamp{});
  for (std::size_t i = 0; i < kLedgerAccounts; ++i) {
    const auto which = static_cast<LedgerAccount>(i);
    if (is_never_negative(which) && after.balance(which) < Cents{0}) return false;
  }
  return true;
}

Decision decide(const Deposit& c, const Account& account, const Wallet&, Timestamp) {
  if (account.status == AccountStatus::none) return reject(RejectionCode::account_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  if (c.amount_cents <= Cents{0}) return reject(RejectionCode::amount_mismatch);
  Decision decision;
  decision.add(wallet_of(c.account),
               transfer(c.account, PostingReason::deposit, c.reference, c.amount_cents));
  return decision;
}

}  // namespace groundtruth::domain
