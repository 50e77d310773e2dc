// How a key's events change it (domain/api_key.hpp).
#include "domain/api_key.hpp"

#include <algorithm>

#include "domain/domain.hpp"

namespace groundtruth::domain {

void evolve(ApiKey& state, const ApiKeyCreated& event, Timestamp at) {
  state = ApiKey{};
  state.id = event.key;
  state.account = event.account;
  state.name = event.name;
  state.scopes = event.scopes;
  state.prefix = event.prefix;
  state.secret_hash = event.secret_hash;
  state.created_at = at;
  state.expires_at = event.expires_at;
}

void evolve(ApiKey& state, const ApiKeyUsed& event, Timestamp) {
  state.last_used_at = event.used_at;
}

void evolve(ApiKey& state, const ApiKeyRevoked&, Timestamp at) {
  state.revoked_at = at;
}

bool allows(const std::vector<Scope>& scopes, Scope needed) {
  return std::any_of(scopes.begin(), scopes.end(), [&](Scope scope) { return scope >= needed; });
}

Decision decide(const CreateApiKey& c, const Account& account, const ApiKey& key, Timestamp at) {
  if (account.status == AccountStatus::none) return reject(RejectionCode::account_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  if (!key.id.empty()) return reject(RejectionCode::api_key_exists);
  if (c.expires_at && *c.expires_at <= at) return in_past(RejectionCode::key_expiry_in_past, at);
  Decision decision;
  decision.add(c.key,
               ApiKeyCreated{c.key, c.account, c.name, c.scopes, c.prefix, c.secret_hash, c.expires_at});
  return decision;
}

// Late, repeated and reordered reports of use are no news; a revoked key has no uses any more.
Decision decide(const UseApiKey& c, const ApiKey& key, Timestamp) {
  if (key.id.empty() || key.revoked_at) return reject(RejectionCode::api_key_not_found);
  Decision decision;
  const Timestamp minute = to_minute(c.used_at);
  if (!key.last_used_at || *key.last_used_at < minute) decision.add(c.key, ApiKeyUsed{minute});
  return decision;
}

Decision decide(const RevokeApiKey& c, const ApiKey& key, Timestamp) {
  if (key.id.empty() || key.account != c.account || key.revoked_at)
    return reject(RejectionCode::api_key_not_found);
  Decision decision;
  decision.add(c.key, ApiKeyRevoked{c.key});
  return decision;
}

}  // namespace groundtruth::domain
