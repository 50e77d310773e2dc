// Making and checking workers' tokens (api/common/jwt.hpp).
//
// A token's header is never parsed: it is one of two texts that are known beforehand, or the token is bad. So
// there is no algorithm to choose, no critical extension to overlook, and no key that a client could name.
#include "api/common/jwt.hpp"

#include <sodium.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "api/http/router.hpp"
#include "journal/codec/base64.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/journal.hpp"

namespace groundtruth::api {

// In memory as libsodium wants it: the seed and the public key in one.
struct WorkerTokens::Key {
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> verifying{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> signing{};
  ~Key() { sodium_memzero(signing.data(), signing.size()); }
};

namespace {

using namespace std::chrono;

constexpr std::string_view kSubjectPrefix = "wrk_";
constexpr std::size_t kMaxTokenBytes = 2'048;
constexpr std::size_t kMaxCachedKeys = 4;     // two are in use; more only while the clock is wrong
constexpr std::size_t kMaxVerified = 32'768;  // some 80 bytes each
constexpr seconds kMaxLifetime = days{28};
static_assert(std::tuple_size_v<journal::DataKey> == crypto_sign_SEEDBYTES);

struct Header {
  std::string_view alg = "EdDSA";
  std::string kid;
  std::string_view typ = "JWT";
};
BOOST_DESCRIBE_STRUCT(Header, (), (alg, kid, typ))

struct Claims {
  std::string iss;
  domain::WorkerId sub;
  std::int64_t iat = 0;  // Unix seconds, as exp
  std::int64_t exp = 0;
  std::optional<std::int64_t> pwd;
};
BOOST_DESCRIBE_STRUCT(Claims, (), (iss, sub, iat, exp, pwd))

// "2026-11"
std::string month_of(domain::Timestamp at) {
  return domain::to_rfc3339_s(at).substr(0, 7);
}

std::string month_before(domain::Timestamp at) {
  const year_month_day day{floor<days>(sys_time<milliseconds>{milliseconds{at.ms}})};
  const sys_time<milliseconds> first = sys_days{day.year() / day.month() / 1};
  return month_of({first.time_since_epoch().count() - 1});
}

std::string header_part(const std::string& kid) {
  Header header;
  header.kid = kid;
  return journal::codec::to_base64url(journal::codec::to_json(header));
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Brokers that do not answer and a full disk are no fault of this program: the caller is told to come back.
template <class Ask>
auto from_store(Ask&& ask) -> decltype(ask()) {
  try {
    return ask();
  } catch (const journal::JournalUnavailable& away) {
    throw http::Unavailable(away.what());
  }
}

}  // namespace

WorkerTokens::WorkerTokens(WorkerTokenOptions options, journal::KeyStore& keys, const journal::Clock& clock)
    : options_(std::move(options)), keys_(keys), clock_(clock) {
  if (options_.lifetime <= seconds{0} || options_.lifetime > kMaxLifetime)
    throw std::invalid_argument("a worker's token lives for a second to four weeks");
}

WorkerTokens::~WorkerTokens() = default;

std::string WorkerTokens::sign(const domain::WorkerId& subject, std::int64_t password_changes) {
  const domain::Timestamp now = clock_.now();
  const std::string kid = month_of(now);
  const auto key = signing_key(kid);
  const std::int64_t issued_s = now.ms / 1000;
  Claims claims{options_.issuer, subject, issued_s, issued_s + options_.lifetime.count(), std::nullopt};
  if (password_changes != 0) claims.pwd = password_changes;

  std::string token = header_part(kid);
  token += '.';
  token += journal::codec::to_base64url(journal::codec::to_json(claims));
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, raw(token), token.size(),
                       key->signing.data());
  token += '.';
  token += journal::codec::to_base64url(signature);
  return token;
}

std::optional<VerifiedToken> WorkerTokens::verify(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last) return std::nullopt;  // also where there is none
  const domain::Timestamp now = clock_.now();
  const domain::Timestamp latest{now.ms + milliseconds(options_.clock_skew).count()};

  std::shared_ptr<const Key> key;
  for (const std::string& kid : {month_of(latest), month_before(latest)})
    if (token.substr(0, first) == header_part(kid)) key = find_key(kid);
  if (!key || !is_signed(token, last, *key)) return std::nullopt;

  const auto json = journal::codec::from_base64url(token.substr(first + 1, last - first - 1));
  if (!json) return std::nullopt;
  const auto claims = journal::codec::decode_json<Claims>(*json).value;
  if (!claims || claims->iss != options_.issuer || !domain::is_id(claims->sub.value, kSubjectPrefix) ||
      claims->iat > latest.ms / 1000 || claims->exp <= now.ms / 1000)
    return std::nullopt;
  return VerifiedToken{claims->sub, {claims->iat * 1000}, {claims->exp * 1000}, claims->pwd.value_or(0)};
}

// A signature takes as long as all the rest of a small request, and tokens come again and again.
bool WorkerTokens::is_signed(std::string_view token, std::size_t content_bytes, const Key& key) {
  std::array<std::uint8_t, 32> hash;
  crypto_generichash(hash.data(), hash.size(), raw(token), token.size(), nullptr, 0);
  {
    const std::lock_guard lock(mutex_);
    if (verified_.contains(hash)) return true;
  }
  const auto signature = journal::codec::from_base64url(token.substr(content_bytes + 1));
  if (!signature || signature->size() != crypto_sign_BYTES ||
      crypto_sign_verify_detached(raw(*signature), raw(token), content_bytes, key.verifying.data()) != 0)
    return false;
  const std::lock_guard lock(mutex_);
  if (verified_.size() >= kMaxVerified) verified_.clear();
  verified_.insert(hash);
  return true;
}

std::shared_ptr<const WorkerTokens::Key> WorkerTokens::signing_key(const std::string& kid) {
  const std::lock_guard lock(mutex_);
  if (const auto cached = cache_.find(kid); cached != cache_.end()) return cached->second;
  const auto seed = from_store([&] { return keys_.get_or_create("jwt:" + kid); });
  if (!seed) throw std::runtime_error("the key that signs workers' tokens of " + kid + " was destroyed");
  return remember(kid, *seed);
}

// Null where no token was ever signed in that month. That is not remembered: another node may sign the first.
std::shared_ptr<const WorkerTokens::Key> WorkerTokens::find_key(const std::string& kid) {
  const std::lock_guard lock(mutex_);
  if (const auto cached = cache_.find(kid); cached != cache_.end()) return cached->second;
  const auto seed = from_store([&] { return keys_.get("jwt:" + kid); });
  return seed ? remember(kid, *seed) : nullptr;
}

std::shared_ptr<const WorkerTokens::Key> WorkerTokens::remember(const std::string& kid,
                                                                const journal::DataKey& seed) {
  auto key = std::make_shared<Key>();
  crypto_sign_seed_keypair(key->verifying.data(), key->signing.data(), seed.data());
  if (cache_.size() >= kMaxCachedKeys) cache_.clear();
  cache_[kid] = key;
  return key;
}

}  // namespace groundtruth::api
