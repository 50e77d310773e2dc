// See mail_message.hpp.
#include "workers/adapters/mail_message.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "journal/codec/base64.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::size_t kMaxAddressBytes = 254;      // RFC 5321, 4.5.3.1.3, less the brackets
constexpr std::size_t kMaxLineBytes = 998;         // RFC 5322, 2.1.1
constexpr std::size_t kMaxPlainSubjectBytes = 60;  // with the header's name well within a line
constexpr std::size_t kMaxEncodedWordBytes = 39;   // with "Subject: " before it, 73 of a line's 76 characters
constexpr std::size_t kMaxQuotedPrintableLine = 76;
constexpr std::size_t kMaxIdBytes = 128;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

bool is_printable_ascii(char c) {
  return c >= ' ' && c <= '~';
}

bool has_only(std::string_view text, std::string_view others, bool beyond_ascii) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || others.find(c) != std::string_view::npos ||
           (beyond_ascii && is_beyond_ascii(c));
  });
}

bool has_only_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_printable_ascii(c) || is_beyond_ascii(c); });
}

// RFC 5321's Mailbox without quoted strings and address literals: nothing in it needs escaping anywhere.
bool is_address(std::string_view address) {
  const auto at = address.find('@');
  if (at == std::string_view::npos || address.size() > kMaxAddressBytes) return false;
  const auto local = address.substr(0, at);
  const auto host = address.substr(at + 1);
  return !local.empty() && !host.empty() && has_only(local, "!#$%&'*+-/=?^_`{|}~.", true) &&
         has_only(host, "-.", true);
}

// "=?UTF-8?B?…?=" as often as it takes (RFC 2047), for what is not plain. No word ends within a character.
std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(text.size(), kMaxEncodedWordBytes);
    while (size < text.size() && size > 1 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?";
    out += journal::codec::to_base64(text.substr(0, size));
    out += "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string subject_field(const std::string& subject) {
  const bool is_plain = subject.size() <= kMaxPlainSubjectBytes && subject.find("=?") == std::string::npos &&
                        std::all_of(subject.begin(), subject.end(), is_printable_ascii);
  return is_plain ? subject : encoded_words(subject);
}

std::string address_field(const MailSender& sender) {
  if (sender.name.empty()) return "<" + sender.address + ">";
  const bool is_plain = sender.name.size() <= kMaxPlainSubjectBytes && has_only(sender.name, " ", false);
  return (is_plain ? sender.name : encoded_words(sender.name)) + "\r\n <" + sender.address + ">";
}

// "Sun, 22 Nov 2026 15:20:18 +0000"
std::string date_field(domain::Timestamp at) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> days_of_week{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds time = floor<seconds>(sys_time<milliseconds>{milliseconds{at.ms}});
  const auto midnight = floor<days>(time);
  const year_month_day date{midnight};
  const hh_mm_ss clock{time - midnight};
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                days_of_week[weekday{midnight}.c_encoding()], unsigned{date.day()},
                months[unsigned{date.month()} - 1], int{date.year()}, static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return out.data();
}

// Short ASCII lines go as they are, so that a link in them can be read and copied wherever the mail ends up.
bool is_plain_body(std::string_view text) {
  std::size_t line = 0;
  for (const char c : text) {
    line = c == '\n' ? 0 : line + 1;
    if (line > kMaxLineBytes || (c != '\n' && !is_printable_ascii(c))) return false;
  }
  return true;
}

std::string plain_body(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\n')
      out += kEnd;
    else
      out += c;
  return out;
}

// RFC 2045, 6.7.
std::string quoted_printable_body(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += kEnd;
      line = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    const bool is_plain = is_printable_ascii(c) && c != '=' && !(c == ' ' && ends_line);
    const std::size_t width = is_plain ? 1 : 3;
    if (line + width >= kMaxQuotedPrintableLine) {  // one place is kept for the '=' of a soft break
      out += "=\r\n";
      line = 0;
    }
    line += width;
    if (is_plain) {
      out += c;
    } else {
      out += '=';
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 0xF];
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> problem_of(const ports::Mail& mail) {
  if (!is_address(mail.to)) return "the address is not one that mail can be sent to";
  if (!has_only_text(mail.subject)) return "the subject has control characters";
  if (mail.id.empty() || mail.id.size() > kMaxIdBytes || !has_only(mail.id, "_-", false))
    return "the mail's id is not 1 to 128 of [A-Za-z0-9_-]";
  return std::nullopt;
}

std::optional<std::string> problem_of(const MailSender& sender) {
  if (!is_address(sender.address))
    return "'" + sender.address + "' is not an address that mail can come from";
  if (!has_only_text(sender.name)) return "the sender's name has control characters";
  return std::nullopt;
}

std::string mail_message(const MailSender& from, const ports::Mail& mail, domain::Timestamp date) {
  for (const auto& problem : {problem_of(from), problem_of(mail)})
    if (problem) throw std::invalid_argument(*problem);
  std::string out;
  const auto field = [&out](std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += kEnd;
  };
  const bool is_plain = is_plain_body(mail.text);
  field("Date", date_field(date));
  field("From", address_field(from));
  field("To", "<" + mail.to + ">");
  field("Message-ID", "<" + mail.id + from.address.substr(from.address.find('@')) + ">");
  field("Subject", subject_field(mail.subject));
  field("Auto-Submitted", "auto-generated");  // RFC 3834: no vacation notices, please
  field("MIME-Version", "1.0");
  field("Content-Type", "text/plain; charset=utf-8");
  field("Content-Transfer-Encoding", is_plain ? "7bit" : "quoted-printable");
  out += kEnd;
  out += is_plain ? plain_body(mail.text) : quoted_printable_body(mail.text);
  if (!out.ends_with(kEnd)) out += kEnd;
  return out;
}

}  // namespace groundtruth::adapters
