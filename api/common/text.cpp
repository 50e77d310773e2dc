// See text.hpp.
#include "api/common/text.hpp"

#include <idn2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace groundtruth::api {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kMaxAddressBytes = 254;
constexpr int kIdnaFlags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string ascii_lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(out);
  if (size < 0) return std::string(text);
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

// Calls `visit(code point, its bytes)` for each; false where it is no UTF-8, or `visit` says so.
template <class Visit>
bool each_code_point(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    utf8proc_int32_t code = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code);
    if (size <= 0 || !visit(code, text.substr(0, static_cast<std::size_t>(size)))) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Letters, digits, what is not ASCII, and these.
bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 ||
           others.find(c) != std::string_view::npos;
  });
}

bool has_a_label(std::string_view lower_domain) {
  return lower_domain.starts_with("xn--") || lower_domain.find(".xn--") != std::string_view::npos;
}

std::optional<std::string> to_unicode(const std::string& domain) {
  char* out = nullptr;
  const int code = idn2_to_unicode_8z8z(domain.c_str(), &out, kIdnaFlags);
  const std::unique_ptr<char, Free> owned(out);
  if (code != IDN2_OK) return std::nullopt;
  return std::string(out);
}

std::optional<std::string> to_ascii(const std::string& domain) {
  char* out = nullptr;
  const int code = idn2_to_ascii_8z(domain.c_str(), &out, kIdnaFlags);
  const std::unique_ptr<char, Free> owned(out);
  if (code != IDN2_OK) return std::nullopt;
  return ascii_lower(out);
}

// Plain ASCII domains are no business of IDNA: it refuses some that exist.
std::optional<std::string> canonical_domain(std::string domain) {
  if (!is_ascii(domain)) {
    auto ascii = to_ascii(domain);
    if (!ascii) return std::nullopt;
    domain = std::move(*ascii);
  }
  domain = ascii_lower(std::move(domain));
  if (has_a_label(domain)) {  // of a label that decodes to what encodes to another one, that one counts
    const auto unicode = to_unicode(domain);
    auto ascii = unicode ? to_ascii(*unicode) : std::nullopt;
    if (!ascii) return std::nullopt;
    domain = std::move(*ascii);
  }
  if (domain.ends_with('.')) domain.pop_back();
  if (domain.empty() || domain.starts_with('.') || domain.ends_with('.') ||
      domain.find("..") != std::string::npos || !has_only(domain, "-."))
    return std::nullopt;
  return domain;
}

}  // namespace

std::string to_nfc(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string to_nfd(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
}

std::string to_tag(std::string_view text) {
  if (is_ascii(text)) return ascii_lower(std::string(text));
  // Folding may leave a sequence that composes, and a composed letter may fold: twice is enough for all.
  std::string tag(text);
  for (int i = 0; i < 2; ++i) tag = mapped(tag, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  return tag;
}

std::string to_opaque(std::string_view password) {
  if (is_ascii(password)) return std::string(password);
  std::string spaced;
  const bool is_text = each_code_point(password, [&](utf8proc_int32_t code, std::string_view bytes) {
    if (utf8proc_category(code) == UTF8PROC_CATEGORY_ZS)
      spaced += ' ';
    else
      spaced += bytes;
    return true;
  });
  return is_text ? to_nfc(spaced) : std::string(password);
}

bool is_password_text(std::string_view password) {
  return each_code_point(password, [](utf8proc_int32_t code, std::string_view) {
    switch (utf8proc_category(code)) {
      case UTF8PROC_CATEGORY_CN:
      case UTF8PROC_CATEGORY_CC:
      case UTF8PROC_CATEGORY_CO:
      case UTF8PROC_CATEGORY_CS:
        return false;
      default:
        return true;
    }
  });
}

bool is_line(std::string_view text) {
  return each_code_point(text, [](utf8proc_int32_t code, std::string_view) {
    const auto category = utf8proc_category(code);
    return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_ZL &&
           category != UTF8PROC_CATEGORY_ZP;
  });
}

std::optional<std::string> canonical_email(std::string_view text) {
  const auto address = trimmed(text);
  const auto at = address.find('@');
  if (address.size() > kMaxAddressBytes || at == 0 || at == std::string_view::npos) return std::nullopt;
  if (!has_only(address.substr(0, at), "!#$%&'*+-/=?^_`{|}~.") || !has_only(address.substr(at + 1), "-."))
    return std::nullopt;
  const auto domain = canonical_domain(std::string(address.substr(at + 1)));
  if (!domain) return std::nullopt;
  std::string canonical = ascii_lower(to_nfc(address.substr(0, at)));
  // Signs that look like ASCII may become it.
  if (!has_only(canonical, "!#$%&'*+-/=?^_`{|}~.") || !is_line(canonical)) return std::nullopt;
  canonical += '@';
  canonical += *domain;
  if (canonical.size() > kMaxAddressBytes) return std::nullopt;
  return canonical;
}

std::vector<std::string> older_spellings(std::string_view canonical) {
  const auto at = canonical.find('@');
  if (at == std::string_view::npos) return {};
  const std::string local(canonical.substr(0, at)), domain(canonical.substr(at + 1));
  std::vector<std::string> domains{domain};
  if (has_a_label(domain)) {
    if (const auto unicode = to_unicode(domain)) {
      domains.push_back(to_nfc(*unicode));
      domains.push_back(to_nfd(*unicode));
    }
  }
  std::vector<std::string> spellings;
  for (const auto& part : {local, to_nfd(local)})
    for (const auto& host : domains)
      for (const char* end : {"", "."}) {
        std::string spelling = part;
        spelling.append(1, '@').append(host).append(end);
        const bool is_known = spelling == canonical ||
                              std::find(spellings.begin(), spellings.end(), spelling) != spellings.end();
        if (!is_known) spellings.push_back(std::move(spelling));
      }
  return spellings;
}

}  // namespace groundtruth::api
