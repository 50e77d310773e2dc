// Encoding of page cursors (api/common/cursor.hpp): 8 bytes of keyed hash, 4 bytes of page, the id.
#include "api/common/cursor.hpp"

#include <sodium.h>

#include <array>

#include "journal/codec/base64.hpp"

namespace groundtruth::api {
namespace {

constexpr std::string_view kPrefix = "cur_";
constexpr std::size_t kMacBytes = 16;  // the least that crypto_generichash makes; 8 of them are kept
constexpr std::size_t kKeptMacBytes = 8;
constexpr std::size_t kPageBytes = 4;
constexpr std::size_t kMaxIdBytes = 64;
constexpr std::size_t kMaxBytes = kKeptMacBytes + kPageBytes + kMaxIdBytes;

std::array<unsigned char, kKeptMacBytes> mac_of(const journal::DataKey& key, std::string_view list,
                                                const domain::AccountId& account, std::string_view content) {
  std::string bound;
  for (const std::string_view part : {list, std::string_view(account.value), content}) {
    bound += std::to_string(part.size());
    bound += ':';
    bound += part;
  }
  std::array<unsigned char, kMacBytes> mac;
  crypto_generichash(mac.data(), mac.size(), reinterpret_cast<const unsigned char*>(bound.data()),
                     bound.size(), key.data(), key.size());
  std::array<unsigned char, kKeptMacBytes> kept;
  std::copy_n(mac.begin(), kept.size(), kept.begin());
  return kept;
}

}  // namespace

std::string CursorCodec::encode(std::string_view list, const domain::AccountId& account,
                                const Cursor& cursor) const {
  std::string content;
  for (int shift = 24; shift >= 0; shift -= 8) content += static_cast<char>((cursor.page >> shift) & 0xff);
  content += cursor.after;
  const auto mac = mac_of(key_, list, account, content);
  std::string bytes(reinterpret_cast<const char*>(mac.data()), mac.size());
  bytes += content;
  return std::string(kPrefix) + journal::codec::to_base64url(bytes);
}

std::optional<Cursor> CursorCodec::decode(std::string_view list, const domain::AccountId& account,
                                          std::string_view text) const {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto bytes = journal::codec::from_base64url(text);
  if (!bytes || bytes->size() <= kKeptMacBytes + kPageBytes || bytes->size() > kMaxBytes) return std::nullopt;
  const auto content = std::string_view(*bytes).substr(kKeptMacBytes);
  const auto mac = mac_of(key_, list, account, content);
  if (sodium_memcmp(mac.data(), bytes->data(), mac.size()) != 0) return std::nullopt;
  Cursor cursor{std::string(content.substr(kPageBytes)), 0};
  for (std::size_t i = 0; i < kPageBytes; ++i)
    cursor.page = cursor.page << 8 | static_cast<unsigned char>(content[i]);
  return cursor;
}

}  // namespace groundtruth::api
