// Checking API keys (api/common/authenticator.hpp).
#include "api/common/authenticator.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "api/http/async.hpp"

namespace groundtruth::api {

struct Authenticator::Checks {
  std::mutex mutex;
  std::map<KeyDigest, std::vector<std::function<void(bool)>>> waiting;
};

Authenticator::Authenticator(AuthenticatorOptions options, const projections::AccountQueries& accounts,
                             Bcrypt& bcrypt, const journal::Clock& clock)
    : options_(std::move(options)),
      accounts_(accounts),
      bcrypt_(bcrypt),
      clock_(clock),
      cache_(options_.max_cached_keys),
      checks_(std::make_shared<Checks>()) {}

bool Authenticator::is_expired(const std::optional<domain::Timestamp>& expires_at) const {
  return expires_at && *expires_at <= clock_.now();
}

std::shared_ptr<const Credential> Authenticator::cached(std::string_view key) {
  if (!key.starts_with(options_.key_prefix)) return nullptr;
  auto credential = cache_.find(digest_of_key(key));
  if (credential && is_expired(credential->expires_at)) return nullptr;
  return credential;
}

// False: the pool is full. `done` gets the verdict on a thread of the pool.
bool Authenticator::begin_check(const KeyDigest& digest, std::string secret, std::string hash,
                                std::function<void(bool)> done) {
  const std::lock_guard lock(checks_->mutex);
  const auto [place, is_first] = checks_->waiting.try_emplace(digest);
  if (is_first) {
    // Without the lock the pool could answer before the entry is complete; it takes it only on its own
    // thread.
    const bool queued =
        bcrypt_.try_verify(std::move(secret), std::move(hash), [checks = checks_, digest](bool matches) {
          std::vector<std::function<void(bool)>> waiting;
          {
            const std::lock_guard guard(checks->mutex);
            const auto found = checks->waiting.find(digest);
            waiting = std::move(found->second);
            checks->waiting.erase(found);
          }
          for (auto& wake : waiting) wake(matches);
        });
    if (!queued) {
      checks_->waiting.erase(place);
      return false;
    }
  }
  place->second.push_back(std::move(done));
  return true;
}

http::Async<Authentication> Authenticator::authenticate(std::string_view key) {
  const Authentication bad;
  const auto parsed = parse_api_key(key, options_.key_prefix);
  if (!parsed) co_return bad;
  const KeyCache::Ticket ticket = cache_.ticket();
  const auto row = accounts_.api_key(parsed->id);
  if (!row || row->state.revoked_at || is_expired(row->state.expires_at) ||
      !row->state.prefix.starts_with(options_.key_prefix))
    co_return bad;
  const auto account = accounts_.account(row->state.account);
  const auto bucket = domain::bucket_of(row->state.account.value);
  if (!account || account->state.status != domain::AccountStatus::active || !bucket) co_return bad;

  const KeyDigest digest = digest_of_key(key);
  std::string secret(parsed->secret);
  std::string hash = row->state.secret_hash;
  enum class Verdict { wrong, right, busy };
  auto begin = [&](auto done) {
    auto decided = [done](bool matches) { done(matches ? Verdict::right : Verdict::wrong); };
    if (!begin_check(digest, std::move(secret), std::move(hash), decided)) done(Verdict::busy);
  };
  const Verdict verdict = co_await http::await_callback<Verdict>(std::move(begin));
  if (verdict == Verdict::busy) co_return Authentication{Authentication::Outcome::busy, nullptr};
  if (verdict == Verdict::wrong) co_return bad;

  auto credential = std::make_shared<Credential>();
  credential->key = row->state.id;
  credential->account = row->state.account;
  credential->bucket = *bucket;
  credential->scopes = row->state.scopes;
  credential->expires_at = row->state.expires_at;
  credential->last_use_ms = row->state.last_used_at.value_or(domain::Timestamp{}).ms;
  cache_.put(ticket, digest, credential);
  if (ticket != cache_.ticket()) {  // something was revoked meanwhile: perhaps this key
    const auto again = accounts_.api_key(parsed->id);
    if (!again || again->state.revoked_at) co_return bad;
  }
  co_return Authentication{Authentication::Outcome::good, std::move(credential)};
}

void Authenticator::observe(const journal::Accepted& accepted) {
  if (!accepted.commit) return;
  for (const auto& event : accepted.commit->events) {
    if (const auto* revoked = std::get_if<domain::ApiKeyRevoked>(&event.data)) cache_.drop(revoked->key);
    if (const auto* erased = std::get_if<domain::AccountErased>(&event.data)) cache_.drop(erased->account);
  }
}

std::optional<std::string_view> bearer_token(const http::Headers& headers) {
  constexpr std::string_view scheme = "Bearer ";
  const auto header = headers.find("Authorization");
  if (!header || header->size() <= scheme.size() || headers.count("Authorization") != 1) return std::nullopt;
  if (!http::equals_ignoring_case(header->substr(0, scheme.size()), scheme)) return std::nullopt;
  std::string_view token = header->substr(scheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  if (token.empty()) return std::nullopt;
  return token;
}

}  // namespace groundtruth::api
