// Checking API keys (api/common/authenticator.hpp).
#include "api/common/authenticator.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <utility>

#include "api/http/async.hpp"

namespace groundtruth::api {

struct Authenticator::Checks {
  struct Waiting {
    std::function<void(Verdict)> done;
    std::stop_token gone;
  };

  // Ends a check for all who wait for it.
  void end(const KeyDigest& digest, Verdict verdict) {
    std::vector<Waiting> all;
    {
      const std::lock_guard lock(mutex);
      const auto found = waiting.find(digest);
      all = std::move(found->second);
      waiting.erase(found);
    }
    for (auto& each : all) each.done(verdict);
  }
  bool is_wanted(const KeyDigest& digest) {
    const std::lock_guard lock(mutex);
    const auto& all = waiting.find(digest)->second;
    return std::any_of(all.begin(), all.end(),
                       [](const Waiting& each) { return !each.gone.stop_requested(); });
  }

  std::mutex mutex;
  std::map<KeyDigest, std::vector<Waiting>> waiting;
};

Authenticator::Authenticator(AuthenticatorOptions options, const projections::AccountQueries& accounts,
                             Bcrypt& bcrypt, RateLimiter& address_limits, const journal::Clock& clock)
    : options_(std::move(options)),
      accounts_(accounts),
      bcrypt_(bcrypt),
      address_limits_(address_limits),
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

// Ends a check once: with its verdict, or as busy where the job was destroyed without one, because it threw.
class Authenticator::EndOfCheck {
 public:
  EndOfCheck(std::shared_ptr<Checks> checks, const KeyDigest& digest)
      : checks_(std::move(checks)), digest_(digest) {}
  EndOfCheck(const EndOfCheck&) = delete;
  EndOfCheck& operator=(const EndOfCheck&) = delete;
  ~EndOfCheck() { is(Verdict::busy); }
  void is(Verdict verdict) {
    if (!ended_.exchange(true)) checks_->end(digest_, verdict);
  }

 private:
  const std::shared_ptr<Checks> checks_;
  const KeyDigest digest_;
  std::atomic<bool> ended_{false};
};

// `done` gets the verdict, perhaps on a thread of the pool. Only who begins a check takes a place of the
// address's limit: who joins one costs nothing before it is over.
void Authenticator::begin_check(Check& check, std::function<void(Verdict)> done) {
  const KeyDigest digest = check.digest;
  {
    std::unique_lock lock(checks_->mutex);
    const auto under_way = checks_->waiting.find(digest);
    if (under_way != checks_->waiting.end()) {
      under_way->second.push_back({std::move(done), check.bearer.gone});
      return;
    }
    check.limit = address_limits_.take(check.bearer.address);
    if (!check.limit.allowed) {
      lock.unlock();
      done(Verdict::limited);
      return;
    }
    checks_->waiting[digest].push_back({std::move(done), check.bearer.gone});
  }
  const auto end = std::make_shared<EndOfCheck>(checks_, digest);
  WorkFor whom;
  whom.subject = check.bearer.address;
  whom.is_wanted = [checks = checks_, digest] { return checks->is_wanted(digest); };
  whom.dropped = [end] { end->is(Verdict::busy); };
  auto checked = [end](bool matches) { end->is(matches ? Verdict::right : Verdict::wrong); };
  if (!bcrypt_.try_verify(std::move(check.secret), std::move(check.hash), checked, std::move(whom)))
    end->is(Verdict::busy);
}

// A wrong key counts. Who joined somebody else's check of it counts now, and learns nothing once the limit is
// reached.
Authentication Authenticator::wrong(const KeyBearer& bearer, const RateState& taken) {
  const RateState limit = taken.counted ? taken : address_limits_.take(bearer.address);
  return {limit.allowed ? Authentication::Outcome::bad : Authentication::Outcome::limited, nullptr, limit};
}

http::Async<Authentication> Authenticator::authenticate(std::string_view key, KeyBearer bearer) {
  const auto parsed = parse_api_key(key, options_.key_prefix);
  if (!parsed) co_return wrong(bearer, {});
  const KeyCache::Ticket ticket = cache_.ticket();
  const auto row = accounts_.api_key(parsed->id);
  if (!row || row->state.revoked_at || is_expired(row->state.expires_at) ||
      !row->state.prefix.starts_with(options_.key_prefix))
    co_return wrong(bearer, {});
  const auto account = accounts_.account(row->state.account);
  const auto bucket = domain::bucket_of(row->state.account.value);
  if (!account || account->state.status != domain::AccountStatus::active || !bucket)
    co_return wrong(bearer, {});

  Check check{digest_of_key(key), std::string(parsed->secret), row->state.secret_hash, bearer, {}};
  const KeyDigest digest = check.digest;
  auto begin = [&](auto done) { begin_check(check, std::move(done)); };
  const Verdict verdict = co_await http::await_callback<Verdict>(std::move(begin));
  if (verdict == Verdict::limited)
    co_return Authentication{Authentication::Outcome::limited, nullptr, check.limit};
  if (verdict == Verdict::wrong) co_return wrong(bearer, check.limit);
  address_limits_.give_back(bearer.address, check.limit);
  if (verdict == Verdict::busy) co_return Authentication{Authentication::Outcome::busy, nullptr, {}};

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
    if (!again || again->state.revoked_at) co_return wrong(bearer, {});
  }
  co_return Authentication{Authentication::Outcome::good, std::move(credential), {}};
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
