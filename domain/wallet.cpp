// Postings and what they do to balances (domain/wallet.hpp).
#include "domain/wallet.hpp"

#include <numeric>

#include "domain/domain.hpp"

namespace groundtruth::domain {

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

WalletPosted transfer(const AccountId& account, PostingReason reason, std::string reference,
                      LedgerAccount from, LedgerAccount to, Cents amount) {
  return {account, reason, std::move(reference), {{from, -amount}, {to, amount}}};
}

bool balances(const WalletPosted& event) {
  Cents sum;
  for (const auto& entry : event.entries) sum += entry.amount_cents;
  return sum == Cents{0};
}

bool covers(const Wallet& state, const WalletPosted& event) {
  Wallet after = state;
  evolve(after, event, Timestamp{});
  for (const auto which : {LedgerAccount::available, LedgerAccount::escrow, LedgerAccount::fees,
                           LedgerAccount::transit, LedgerAccount::payable})
    if (after.balance(which) < Cents{0}) return false;
  return true;
}

Decision decide(const Deposit& c, const Account& account, const Wallet&, Timestamp) {
  if (account.status == AccountStatus::none) return reject(RejectionCode::account_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  if (c.amount_cents <= Cents{0}) return reject(RejectionCode::amount_mismatch);
  Decision decision;
  decision.add(wallet_of(c.account),
               transfer(c.account, PostingReason::deposit, c.reference, LedgerAccount::external,
                        LedgerAccount::available, c.amount_cents));
  return decision;
}

}  // namespace groundtruth::domain
