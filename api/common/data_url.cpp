// See data_url.hpp.
#include "api/common/data_url.hpp"

#include <algorithm>
#include <utility>

#include "api/http/message.hpp"
#include "journal/codec/base64.hpp"

namespace groundtruth::api {
namespace {

constexpr std::size_t kMaxHeadBytes = 2'048;  // up to the content; longer ones are nobody's type

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_token(std::string_view text) {
  static constexpr std::string_view others = "!#$&-^_.+";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// What is no escape stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool may_be = text[i] == '%' && i + 2 < text.size();
    const int high = may_be ? hex_digit(text[i + 1]) : -1, low = may_be ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

std::string_view take_until(std::string_view& text, std::string_view ends) {
  const auto found = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(found.size());
  return found;
}

// Behind the opening quote, which in a URL may be written as %22. False: it is never closed.
bool skip_quoted(std::string_view& text, std::string_view quote) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text.substr(i).starts_with(quote)) {
      text.remove_prefix(i + quote.size());
      return true;
    }
  }
  return false;
}

// `codecs=vp8,opus` ends at the next ';' where all before it could be names of codecs; else at its first
// comma, as every value does.
void skip_codecs(std::string_view& text) {
  const auto all = text.substr(0, text.find(';'));
  const bool is_list = all.size() < text.size() &&
                       std::all_of(
                           all.begin(), all.end(),
                           [](char c) { return c == ',' || c == ' ' || is_token(std::string_view(&c, 1)); });
  if (is_list)
    text.remove_prefix(all.size());
  else
    take_until(text, ",;");
}

// Behind '='. False: a quote that is never closed.
bool skip_value(std::string_view& text, std::string_view name) {
  for (const std::string_view quote : {"\"", "%22"}) {
    if (!text.starts_with(quote)) continue;
    text.remove_prefix(quote.size());
    if (!skip_quoted(text, quote)) return false;
    take_until(text, ",;");
    return true;
  }
  if (http::equals_ignoring_case(name, "codecs"))
    skip_codecs(text);
  else
    take_until(text, ",;");
  return true;
}

struct Head {
  std::string type;
  bool is_base64 = false;
};

// Takes the head away, with the comma behind it.
std::optional<Head> take_head(std::string_view& text) {
  Head head;
  head.type = http::trim(take_until(text, ",;"));
  std::transform(head.type.begin(), head.type.end(), head.type.begin(), lower);
  const auto slash = head.type.find('/');
  if (slash == std::string::npos || !is_token(std::string_view(head.type).substr(0, slash)) ||
      !is_token(std::string_view(head.type).substr(slash + 1)))
    return std::nullopt;
  while (!text.empty() && text.front() == ';') {
    text.remove_prefix(1);
    skip_spaces(text);
    const auto name = http::trim(take_until(text, "=,;"));
    head.is_base64 = false;  // it counts only as the last word
    if (text.empty()) return std::nullopt;
    if (text.front() == '=') {
      text.remove_prefix(1);
      skip_spaces(text);
      if (!skip_value(text, name)) return std::nullopt;
    } else {
      head.is_base64 = http::equals_ignoring_case(name, "base64");
    }
  }
  if (text.empty()) return std::nullopt;
  text.remove_prefix(1);
  return head;
}

std::optional<std::string> forgiving_base64(std::string_view text) {
  // As it mostly comes: nothing to forgive, and nothing to copy.
  if (auto content = journal::codec::from_base64(text)) return content;
  std::string plain = percent_decoded(text);
  std::erase_if(plain, is_space);
  while (!plain.empty() && plain.back() == '=') plain.pop_back();
  if (plain.size() % 4 == 1) return std::nullopt;
  plain.append((4 - plain.size() % 4) % 4, '=');
  return journal::codec::from_base64(plain);
}

}  // namespace

std::optional<DataUrl> parse_data_url(std::string_view text) {
  constexpr std::string_view scheme = "data:";
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  if (!http::equals_ignoring_case(text.substr(0, scheme.size()), scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());

  std::string_view rest = text.substr(0, kMaxHeadBytes);
  const auto head = take_head(rest);
  if (!head) return std::nullopt;
  const auto content = text.substr(std::min(text.size(), kMaxHeadBytes) - rest.size());

  DataUrl url;
  url.content_type = head->type;
  if (head->is_base64) {
    auto bytes = forgiving_base64(content);
    if (!bytes) return std::nullopt;
    url.content = std::move(*bytes);
  } else {
    url.content = percent_decoded(content.substr(0, content.find('#')));  // behind that is a fragment
  }
  if (url.content.empty()) return std::nullopt;
  return url;
}

}  // namespace groundtruth::api
