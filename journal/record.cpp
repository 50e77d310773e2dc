// The hash and the prefix of a record (journal/record.hpp).
#include "journal/record.hpp"

#include <sodium.h>

#include <charconv>

#include "journal/ports.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::string_view kSeqHead = R"({"seq":)";
constexpr std::string_view kPrevHead = R"(,"prev":")";
constexpr std::string_view kTail = R"(",)";
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// -1 for anything but a lower-case digit: the prefix has one form only.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

CommitId id_of(std::string_view value) {
  init_crypto();
  CommitId id;
  crypto_generichash(id.bytes.data(), id.bytes.size(), reinterpret_cast<const unsigned char*>(value.data()),
                     value.size(), nullptr, 0);
  return id;
}

std::string to_hex(const CommitId& id) {
  std::string out;
  out.reserve(2 * id.bytes.size());
  for (const auto byte : id.bytes) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  return out;
}

std::optional<RecordPrefix> parse_prefix(std::string_view value) {
  RecordPrefix prefix;
  if (!take(value, kSeqHead)) return std::nullopt;
  const char *first = value.data(), *last = first + value.size();
  const auto [end, error] = std::from_chars(first, last, prefix.seq);
  const auto digits = static_cast<std::size_t>(end - first);
  if (error != std::errc{} || (digits > 1 && *first == '0')) return std::nullopt;
  value.remove_prefix(digits);
  if (!take(value, kPrevHead) || value.size() < 2 * prefix.prev.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < prefix.prev.bytes.size(); ++i) {
    const int high = hex_value(value[2 * i]), low = hex_value(value[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    prefix.prev.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  value.remove_prefix(2 * prefix.prev.bytes.size());
  if (!take(value, kTail)) return std::nullopt;
  return prefix;
}

void append_prefix(std::string& out, std::uint64_t seq, const CommitId& prev) {
  out += kSeqHead;
  out += std::to_string(seq);
  out += kPrevHead;
  out += to_hex(prev);
  out += kTail;
}

}  // namespace groundtruth::journal
