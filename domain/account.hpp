// Account: who owns keys, money and tasks; and the claim that makes an e-mail address unique.
//
// An e-mail is unique for a surface and kind of account (DESIGN, section 3). Its keyed hash names the claim's
// stream and gives the bucket, so "taken" is decided in one chain, and all that the account owns lives there
// too.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "domain/ids.hpp"
#include "domain/rejection.hpp"

namespace groundtruth::domain {

enum class Surface : std::uint8_t { groundtruth, engagements, verified_workflows, humanping };
BOOST_DESCRIBE_ENUM(Surface, groundtruth, engagements, verified_workflows, humanping)

// --- events
// ---------------------------------------------------------------------------------------------------------

struct EmailClaimed {
  static constexpr std::string_view kType = "email.claimed";
  static constexpr int kSchema = 1;
  AccountId account;  // or a worker's, as an account (domain/worker.hpp)
};
BOOST_DESCRIBE_STRUCT(EmailClaimed, (), (account))

struct EmailReleased {
  static constexpr std::string_view kType = "email.released";
  static constexpr int kSchema = 1;
  AccountId account;
};
BOOST_DESCRIBE_STRUCT(EmailReleased, (), (account))

struct AccountCreated {
  static constexpr std::string_view kType = "account.created";
  static constexpr int kSchema = 1;
  AccountId account;
  Surface surface{};
  EmailClaimId email_claim;
  Sealed<std::string> name;
  Sealed<std::string> email;
  const std::string& data_owner() const { return account.value; }
};
BOOST_DESCRIBE_STRUCT(AccountCreated, (), (account, surface, email_claim, name, email))

// The data key of `erased_owner` is destroyed after this was accepted and projections have forgotten the
// plain text.
struct AccountErased {
  static constexpr std::string_view kType = "account.erased";
  static constexpr int kSchema = 1;
  AccountId account;
  const std::string& erased_owner() const { return account.value; }
};
BOOST_DESCRIBE_STRUCT(AccountErased, (), (account))

// --- state
// ----------------------------------------------------------------------------------------------------------

struct EmailClaim {
  using Key = EmailClaimId;
  AccountId account;  // "" while free
};
BOOST_DESCRIBE_STRUCT(EmailClaim, (), (account))

enum class AccountStatus : std::uint8_t { none, active, erased };
BOOST_DESCRIBE_ENUM(AccountStatus, none, active, erased)

struct Account {
  using Key = AccountId;
  AccountId id;
  AccountStatus status = AccountStatus::none;
  Surface surface{};
  EmailClaimId email_claim;
  std::string name;   // "" once erased
  std::string email;  // "" once erased
  Timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(Account, (), (id, status, surface, email_claim, name, email, created_at))

void evolve(EmailClaim& state, const EmailClaimed& event, Timestamp at);
void evolve(EmailClaim& state, const EmailReleased& event, Timestamp at);
void evolve(Account& state, const AccountCreated& event, Timestamp at);
void evolve(Account& state, const AccountErased& event, Timestamp at);

// --- commands
// -------------------------------------------------------------------------------------------------------

struct CreateAccount {
  static constexpr std::string_view kName = "account.create";
  AccountId account;
  EmailClaimId email_claim;
  Surface surface{};
  std::string name;
  std::string email;
};
BOOST_DESCRIBE_STRUCT(CreateAccount, (), (account, email_claim, surface, name, email))

struct EraseAccount {
  static constexpr std::string_view kName = "account.erase";
  AccountId account;
  EmailClaimId email_claim;  // of the account, as the caller read it
};
BOOST_DESCRIBE_STRUCT(EraseAccount, (), (account, email_claim))

}  // namespace groundtruth::domain
