// See signed_token.hpp.
#include "journal/signed_token.hpp"

#include <sodium.h>

#include <charconv>
#include <stdexcept>

#include "journal/codec/base64.hpp"

namespace groundtruth::journal {
namespace {

constexpr char kDot = '.';
constexpr std::size_t kMaxTokenBytes = 512;  // more is not even looked at

}  // namespace

std::string SignedToken::mac_of(std::string_view content) const {
  std::string mac(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(mac.data()), mac.size(),
                     reinterpret_cast<const unsigned char*>(content.data()), content.size(), key_.data(),
                     key_.size());
  return codec::to_base64url(mac);
}

std::string SignedToken::mint(std::string_view subject, domain::Timestamp expires_at) const {
  if (subject.find(kDot) != std::string_view::npos)
    throw std::invalid_argument("the subject of a token has no '.'");
  std::string token(subject);
  token += kDot;
  token += std::to_string(expires_at.ms / 1000);
  const std::string mac = mac_of(token);
  token += kDot;
  token += mac;
  return token;
}

std::optional<SignedToken::Content> SignedToken::read(std::string_view token) const {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto last = token.rfind(kDot);
  if (last == std::string_view::npos) return std::nullopt;
  const auto content = token.substr(0, last);
  const auto shown = token.substr(last + 1);
  const std::string mac = mac_of(content);
  if (shown.size() != mac.size() || sodium_memcmp(shown.data(), mac.data(), mac.size()) != 0)
    return std::nullopt;
  // From here on it is text of our own making.
  const auto dot = content.find(kDot);
  std::int64_t expiry_s = 0;
  std::from_chars(content.data() + dot + 1, content.data() + content.size(), expiry_s);
  return Content{std::string(content.substr(0, dot)), {expiry_s * 1000}};
}

std::optional<std::string> SignedToken::check(std::string_view token, domain::Timestamp now) const {
  auto content = read(token);
  if (!content || now >= content->expires_at) return std::nullopt;
  return std::move(content->subject);
}

}  // namespace groundtruth::journal
