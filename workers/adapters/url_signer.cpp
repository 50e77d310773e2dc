// See url_signer.hpp.
#include "workers/adapters/url_signer.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "journal/codec/sha256.hpp"
#include "workers/adapters/url_text.hpp"

namespace groundtruth::adapters {
namespace {

using ports::Signature;

constexpr std::string_view kDate = "X-Amz-Date", kExpires = "X-Amz-Expires", kSignature = "X-Amz-Signature";
constexpr std::string_view kContentType = "content_type", kBytes = "bytes", kSha256 = "sha256";

// Parts with their lengths in front: no two lists of parts are the same bytes.
std::string hmac_of(const journal::DataKey& key, std::initializer_list<std::string_view> parts) {
  static_assert(std::tuple_size_v<journal::DataKey> == crypto_auth_hmacsha256_KEYBYTES);
  std::string bound;
  for (const std::string_view part : parts)
    bound.append(std::to_string(part.size())).append(":").append(part);
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac;
  crypto_auth_hmacsha256(mac.data(), reinterpret_cast<const unsigned char*>(bound.data()), bound.size(),
                         key.data());
  return journal::codec::to_hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

std::optional<domain::Timestamp> parse_basic_time(std::string text) {
  constexpr std::size_t length = 16;
  if (text.size() != length) return std::nullopt;
  for (const std::size_t at : {13U, 11U}) text.insert(at, 1, ':');
  for (const std::size_t at : {6U, 4U}) text.insert(at, 1, '-');
  return domain::parse_rfc3339(text);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// The first of each name, as both the signature and the spec are read from it. "" where there is none.
std::string_view value_of(const ports::BlobRequest& request, std::string_view name) {
  const auto found = std::find_if(request.query.begin(), request.query.end(),
                                  [&](const auto& field) { return field.first == name; });
  return found == request.query.end() ? std::string_view() : std::string_view(found->second);
}

Signature judge(const ports::BlobRequest& request, const std::string& wanted, domain::Timestamp now) {
  const auto given = value_of(request, kSignature);
  if (given.size() != wanted.size() || sodium_memcmp(given.data(), wanted.data(), wanted.size()) != 0)
    return Signature::wrong;
  const auto from = parse_basic_time(std::string(value_of(request, kDate)));
  const auto seconds = parse_number<std::int64_t>(value_of(request, kExpires));
  if (!from || !seconds) return Signature::wrong;
  return now.ms < from->ms + *seconds * 1000 ? Signature::valid : Signature::expired;
}

void append_times(std::string& url, std::string_view date, std::string_view expires) {
  url.append("?").append(kDate).append("=").append(date);
  url.append("&").append(kExpires).append("=").append(expires);
}

}  // namespace

void UrlSigner::set_public_base(std::string base) {
  while (base.ends_with('/')) base.pop_back();
  base_ = std::move(base);
}

ports::SignedUpload UrlSigner::sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                           std::chrono::seconds valid) const {
  const std::string date = basic_time(domain::to_rfc3339_s(now)), expires = std::to_string(valid.count()),
                    bytes = std::to_string(spec.bytes);
  const std::string signature =
      hmac_of(key_, {"PUT", spec.key, date, expires, spec.content_type, bytes, spec.sha256});
  ports::SignedUpload upload;
  upload.url = base_ + "/media/" + spec.key;
  append_times(upload.url, date, expires);
  const std::initializer_list<std::pair<std::string_view, std::string>> fields = {
      {kContentType, percent_encode(spec.content_type)},
      {kBytes, bytes},
      {kSha256, spec.sha256},
      {kSignature, signature}};
  for (const auto& [name, value] : fields) upload.url.append("&").append(name).append("=").append(value);
  upload.headers.emplace_back("Content-Type", spec.content_type);
  constexpr std::int64_t second_ms = 1000;  // the URL has no finer time
  upload.expires_at.ms = now.ms - now.ms % second_ms + valid.count() * second_ms;
  return upload;
}

std::string UrlSigner::sign_download(std::string_view key, domain::Timestamp now,
                                     std::chrono::seconds valid) const {
  const std::string date = basic_time(domain::to_rfc3339_s(now)), expires = std::to_string(valid.count());
  std::string url = base_ + "/media/" + std::string(key);
  append_times(url, date, expires);
  url.append("&").append(kSignature).append("=").append(hmac_of(key_, {"GET", key, date, expires}));
  return url;
}

ports::SignedSpec UrlSigner::check_upload(const ports::BlobRequest& request, domain::Timestamp now) const {
  const auto content_type = value_of(request, kContentType), bytes = value_of(request, kBytes),
             sha256 = value_of(request, kSha256);
  const std::string wanted = hmac_of(key_, {"PUT", request.key, value_of(request, kDate),
                                            value_of(request, kExpires), content_type, bytes, sha256});
  ports::SignedSpec checked;
  checked.signature = judge(request, wanted, now);
  if (checked.signature != Signature::valid) return checked;
  const auto size = parse_number<std::uint64_t>(bytes);
  if (!size) return {};
  checked.spec = {std::string(request.key), std::string(content_type), *size, std::string(sha256)};
  return checked;
}

Signature UrlSigner::check_download(const ports::BlobRequest& request, domain::Timestamp now) const {
  const std::string wanted =
      hmac_of(key_, {"GET", request.key, value_of(request, kDate), value_of(request, kExpires)});
  return judge(request, wanted, now);
}

}  // namespace groundtruth::adapters
