// Accounts: one for an e-mail address, and how one is forgotten.
#include <doctest/doctest.h>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

const CreateAccount kCreate{kAcme, kMail, Surface::groundtruth, "Acme", "a@acme.example"};
const EraseAccount kErase{kAcme, kMail};

TEST_CASE("an account is made with its address claimed") {
  Business business;
  CHECK(business.ask(kCreate) == "");
  CHECK(business.account().status == AccountStatus::active);
  CHECK(business.account().name == "Acme");
  CHECK(business.account().created_at == kNow);
  CHECK(business.get<EmailClaim>(kMail.value).account == kAcme);
}

TEST_CASE("an address has one account at a time") {
  Business business;
  const CreateAccount second{kOther, kMail, Surface::groundtruth, "Other", "a@acme.example"};
  CHECK(business.ask(kCreate) == "");
  CHECK(business.ask(second) == "email_taken");
  CHECK(business.ask(kCreate) == "email_taken");
  CHECK(business.ask(kErase) == "");
  CHECK(business.ask(second) == "");  // free again
}

TEST_CASE("an account's id is used once") {
  Business business;
  business.has_account();
  CHECK(business.ask(CreateAccount{kAcme, {"eml_other"}, Surface::groundtruth, "Acme", "b@acme.example"}) ==
        "email_taken");
}

TEST_CASE("erasing forgets the person and keeps the account") {
  Business business;
  CHECK(business.ask(kErase) == "account_not_found");
  business.has_account();
  CHECK(business.ask(kErase) == "");
  CHECK(business.account().status == AccountStatus::erased);
  CHECK(business.account().name == "");
  CHECK(business.account().email == "");
  CHECK(business.account().id == kAcme);
  CHECK(business.ask(kErase) == "account_erased");
}

TEST_CASE("erasing leaves an address alone that has a new account") {
  Business business;
  business.has_account();
  CHECK(business.ask(EraseAccount{kAcme, {"eml_someone_else"}}) == "");
  CHECK(business.last().size() == 1);
  CHECK(business.get<EmailClaim>(kMail.value).account == kAcme);
}

TEST_CASE("an erased account can do nothing more") {
  Business business;
  business.has_account();
  business.ask(kErase);
  CHECK(business.ask(street_scenes()) == "account_erased");
  CHECK(business.ask(Deposit{kAcme, {100}, "x"}) == "account_erased");
  CHECK(business.ask(CreateApiKey{kKey, kAcme, "k", {Scope::read}, "gt_sk_", "$2b$", std::nullopt}) ==
        "account_erased");
}

TEST_CASE("nothing is done for an account that does not exist") {
  Business business;
  CHECK(business.ask(street_scenes()) == "account_not_found");
  CHECK(business.ask(Deposit{kAcme, {100}, "x"}) == "account_not_found");
  CHECK(business.ask(CreateApiKey{kKey, kAcme, "k", {Scope::read}, "gt_sk_", "$2b$", std::nullopt}) ==
        "account_not_found");
}

}  // namespace
}  // namespace groundtruth::domain::test
