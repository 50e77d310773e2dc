// Accounts for operators: make one with its first key, look, erase.
#include "api/common/email_claim.hpp"
#include "api/common/fields.hpp"
#include "api/common/text.hpp"
#include "api/ops/commands.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"
#include "projections/accounts/queries.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::string_view kAccountPrefix = "org_";
constexpr std::string_view kFirstKeyName = "First key";
constexpr std::uint32_t kListLimit = 100;

struct EmailField {
  std::string value;
  static std::optional<journal::codec::FieldProblem> check(const std::string& text) {
    if (api::canonical_email(text)) return std::nullopt;
    return journal::codec::FieldProblem{"invalid_value", "must be an e-mail address", {}};
  }
};

struct NewAccount {
  domain::Surface surface{};
  journal::codec::Text<1, 200> name;
  EmailField email;
};
BOOST_DESCRIBE_STRUCT(NewAccount, (), (surface, name, email))

struct AccountView {
  domain::AccountId id;
  domain::Surface surface{};
  domain::AccountStatus status{};
  std::string name;
  std::string email;
  domain::Timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(AccountView, (), (id, surface, status, name, email, created_at))

struct CreatedAccount {
  domain::AccountId id;
  std::string api_key;  // shown this once
  domain::Surface surface{};
  std::string name;
  std::string email;
  domain::Timestamp created_at;
  KeyView key;
};
BOOST_DESCRIBE_STRUCT(CreatedAccount, (), (id, api_key, surface, name, email, created_at, key))

struct AccountListView {
  std::vector<AccountView> accounts;
  bool more = false;
};
BOOST_DESCRIBE_STRUCT(AccountListView, (), (accounts, more))

AccountView view_of(const domain::Account& account) {
  return {account.id, account.surface, account.status, account.name, account.email, account.created_at};
}

std::optional<domain::Account> find_account(Services& services, const Request& request) {
  const auto id = request.param("id");
  if (!domain::is_id(id, kAccountPrefix)) return std::nullopt;
  const auto row =
      projections::AccountQueries(services.projector.readers("accounts")).account({std::string(id)});
  if (!row) return std::nullopt;
  return row->state;
}

// Whoever has the address under a claim of before addresses had one form: no new claim is made there, so the
// read models may be asked.
bool holds_older_spelling(Services& services, const api::EmailClaims& claims) {
  const projections::AccountQueries accounts(services.projector.readers("accounts"));
  return std::any_of(claims.older.begin(), claims.older.end(),
                     [&](const auto& older) { return accounts.owner_of(older.id).has_value(); });
}

}  // namespace

Async<Response> create_account(Services& services, Request& request) {
  auto decoded = decode_body<NewAccount>(request);
  if (auto* refused = std::get_if<Response>(&decoded)) co_return std::move(*refused);
  const auto& wanted = std::get<NewAccount>(decoded);
  if (wanted.surface != domain::Surface::groundtruth)
    co_return error(422, "unsupported_surface",
                    "accounts of this surface cannot be made yet; groundtruth can");

  const std::string email = api::canonical_email(wanted.email.value).value_or(wanted.email.value);
  const std::string name = api::to_nfc(wanted.name.value);
  const auto claims = api::email_claims(services.email_hash_key, wanted.surface, api::EmailOwner::account,
                                        wanted.email.value);
  if (holds_older_spelling(services, claims))
    co_return error(409, "email_taken", "the e-mail address is taken");
  const auto& claim = claims.claim;
  // Hashed before the account is made: what follows is then quick, and an account without a key unlikely.
  const std::optional<NewKey> key = co_await mint_key(services, claim.bucket);
  if (!key) co_return busy_hashing();

  const auto account = domain::new_id<domain::AccountId>(kAccountPrefix, services.clock.now(), claim.bucket,
                                                         services.randomness.bits());
  domain::CreateAccount create{account, claim.id, wanted.surface, name, email};
  auto submission = operator_submission(services, request, claim.bucket, account, std::move(create));
  const journal::Answer created = co_await submit(services.node, std::move(submission));
  if (created.kind != journal::AnswerKind::accepted) co_return refused(created);

  domain::CreateApiKey create_key{
      key->minted.id, account,     std::string(kFirstKeyName), {domain::Scope::admin}, key->minted.display,
      key->hash,      std::nullopt};
  submission = operator_submission(services, request, claim.bucket, account, std::move(create_key));
  const journal::Answer keyed = co_await submit(services.node, std::move(submission));
  if (keyed.kind != journal::AnswerKind::accepted)
    co_return error(503, "key_missing",
                    "the account " + account.value +
                        " was made, its first key was not; make one with POST /ops/accounts/" +
                        account.value + "/keys");

  CreatedAccount view{account, key->minted.key, wanted.surface, name, email, created.commit->at, {}};
  view.key = {key->minted.id,
              std::string(kFirstKeyName),
              {domain::Scope::admin},
              key->minted.display,
              keyed.commit->at,
              {},
              {},
              {}};
  auto response = json(201, view);
  add_position(response, keyed);
  co_return response;
}

// ?email= finds one, ?after= and ?limit= walk over all.
Async<Response> list_accounts(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto email = query.text("email");
  const auto after = query.text("after");
  const auto limit = query.integer("limit", 1, kListLimit);
  if (after && !domain::is_id(*after, kAccountPrefix))
    query.fail("after", "invalid_value", "must be an account's id");
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);

  const projections::AccountQueries accounts(services.projector.readers("accounts"));
  AccountListView list;
  if (email) {
    const auto claims = api::email_claims(services.email_hash_key, domain::Surface::groundtruth,
                                          api::EmailOwner::account, *email);
    const auto owner = api::owner_of_any(
        claims, [&](const domain::EmailClaimId& claim) { return accounts.owner_of(claim); });
    const auto row = owner ? accounts.account(*owner) : std::nullopt;
    if (row) list.accounts.push_back(view_of(row->state));
  } else {
    std::optional<domain::AccountId> start;
    if (after) start = domain::AccountId{std::string(*after)};
    const auto page = accounts.accounts_after(start, static_cast<std::uint32_t>(limit.value_or(kListLimit)));
    for (const auto& account : page.accounts) list.accounts.push_back(view_of(account));
    list.more = page.more;
  }
  co_return json(200, list);
}

Async<Response> read_account(Services& services, Request& request) {
  const auto account = find_account(services, request);
  if (!account) co_return no_such_account();
  co_return json(200, view_of(*account));
}

// The answer means: the erasure is in the journal, and the read models have forgotten. The data key goes
// right after (workers/erasure). Erasing what is erased is no error: what is wanted is already so.
Async<Response> erase_account(Services& services, Request& request) {
  const auto account = find_account(services, request);
  const auto bucket = domain::bucket_of(request.param("id"));
  if (!account || !bucket) co_return no_such_account();
  auto submission = operator_submission(services, request, *bucket, account->id,
                                        domain::EraseAccount{account->id, account->email_claim});
  const journal::Answer answer = co_await submit(services.node, std::move(submission));
  const bool was_erased = answer.kind == journal::AnswerKind::rejected &&
                          answer.rejection.code == domain::RejectionCode::account_erased;
  if (answer.kind != journal::AnswerKind::accepted && !was_erased) co_return refused(answer);
  AccountView view = view_of(*account);
  view.status = domain::AccountStatus::erased;
  view.name.clear();
  view.email.clear();
  auto response = json(200, view);
  add_position(response, answer);
  co_return response;
}

}  // namespace groundtruth::ops
