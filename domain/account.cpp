// How an account's events change it (domain/account.hpp).
#include "domain/account.hpp"

#include "domain/domain.hpp"

namespace groundtruth::domain {

void evolve(EmailClaim& state, const EmailClaimed& event, Timestamp) {
  state.account = event.account;
}

void evolve(EmailClaim& state, const EmailReleased&, Timestamp) {
  state.account = {};
}

void evolve(Account& state, const AccountCreated& event, Timestamp at) {
  state = Account{event.account,
                  AccountStatus::active,
                  event.surface,
                  event.email_claim,
                  event.name.value,
                  event.email.value,
                  at};
}

void evolve(Account& state, const AccountErased&, Timestamp) {
  state.status = AccountStatus::erased;
  state.name.clear();
  state.email.clear();
}

Decision decide(const CreateAccount& c, const EmailClaim& claim, const Account& account, Timestamp) {
  if (!claim.account.empty()) return reject(RejectionCode::email_taken);
  if (account.status != AccountStatus::none) return reject(RejectionCode::email_taken);
  Decision decision;
  decision.add(c.email_claim, EmailClaimed{c.account});
  decision.add(c.account, AccountCreated{c.account, c.surface, c.email_claim, {c.name}, {c.email}});
  return decision;
}

Decision decide(const EraseAccount& c, const EmailClaim& claim, const Account& account, Timestamp) {
  if (account.status == AccountStatus::none) return reject(RejectionCode::account_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  Decision decision;
  if (claim.account == c.account) decision.add(c.email_claim, EmailReleased{c.account});
  decision.add(c.account, AccountErased{c.account});
  return decision;
}

}  // namespace groundtruth::domain
