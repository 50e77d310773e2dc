// RFC 3339 in and out (domain/values.hpp).
#include "domain/values.hpp"

#include <chrono>
#include <cstdio>

namespace groundtruth::domain {
namespace {

struct Civil {
  int year, month, day, hour, minute, second, ms;
};

Civil civil(Timestamp t) {
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds{t.ms}};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss time{point - day};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(time.hours().count()),
          static_cast<int>(time.minutes().count()),
          static_cast<int>(time.seconds().count()),
          static_cast<int>(time.subseconds().count())};
}

void put(std::string& out, int value, int digits) {
  char buffer[8];
  for (int i = digits - 1; i >= 0; --i, value /= 10) buffer[i] = static_cast<char>('0' + value % 10);
  out.append(buffer, static_cast<std::size_t>(digits));
}

std::string format(Timestamp t, bool with_ms) {
  const Civil c = civil(t);
  std::string out;
  out.reserve(24);
  put(out, c.year, 4);
  out += '-';
  put(out, c.month, 2);
  out += '-';
  put(out, c.day, 2);
  out += 'T';
  put(out, c.hour, 2);
  out += ':';
  put(out, c.minute, 2);
  out += ':';
  put(out, c.second, 2);
  if (with_ms) {
    out += '.';
    put(out, c.ms, 3);
  }
  out += 'Z';
  return out;
}

// Reads fixed-width decimal digits off the front.
bool take(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string to_rfc3339_ms(Timestamp t) {
  return format(t, true);
}
std::string to_rfc3339_s(Timestamp t) {
  return format(t, false);
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  if (!take(text, 4, y) || !take(text, '-') || !take(text, 2, mo) || !take(text, '-') || !take(text, 2, d))
    return {};
  if (!take(text, 'T') && !take(text, 't')) return {};
  if (!take(text, 2, h) || !take(text, ':') || !take(text, 2, mi) || !take(text, ':') || !take(text, 2, s))
    return {};
  if (take(text, '.')) {
    int scale = 100, digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, scale /= 10) {
      ms += (text.front() - '0') * scale;
      text.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return {};
  }
  int offset_min = 0;
  if (!take(text, 'Z') && !take(text, 'z')) {
    const bool minus = !text.empty() && text.front() == '-';
    int oh = 0, om = 0;
    if (!(take(text, '+') || take(text, '-')) || !take(text, 2, oh) || !take(text, ':') || !take(text, 2, om))
      return {};
    if (oh > 23 || om > 59) return {};
    offset_min = (oh * 60 + om) * (minus ? -1 : 1);
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!text.empty() || y < 1970 || !date.ok() || h > 23 || mi > 59 || s > 60) return {};
  const auto point = sys_days{date} + hours{h} + minutes{mi} + seconds{s} - minutes{offset_min};
  // A leap second ends a day of UTC. No clock here has one: it is the first second of the next day.
  constexpr minutes last_minute = hours{24} - minutes{1};
  const auto minute = floor<minutes>(point - seconds{s});
  if (s == 60 && minute - floor<days>(minute) != last_minute) return {};
  const Timestamp result{duration_cast<milliseconds>(point.time_since_epoch()).count() + ms};
  if (result.ms < 0 || result.ms > 253'402'300'799'999)
    return {};  // an offset may lead out of four-digit years
  return result;
}

}  // namespace groundtruth::domain
