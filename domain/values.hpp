// The values that every aggregate speaks in: money, time, sealed personal data. Strong types, so that a cent
// is never a millisecond. Integers only; nothing here reads a clock.
#pragma once

#include <boost/describe.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace groundtruth::domain {

// Money in whole cents. Sums that could leave int64 cannot occur: every amount that enters is at most 10^11
// cents.
struct Cents {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(Cents, Cents) = default;
  friend constexpr Cents operator+(Cents a, Cents b) { return {a.value + b.value}; }
  friend constexpr Cents operator-(Cents a, Cents b) { return {a.value - b.value}; }
  friend constexpr Cents operator-(Cents a) { return {-a.value}; }
  friend constexpr Cents operator*(Cents a, std::int64_t n) { return {a.value * n}; }
  Cents& operator+=(Cents b) {
    value += b.value;
    return *this;
  }
};

// Milliseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
};

std::string to_rfc3339_ms(Timestamp t);  // 2026-06-18T14:32:00.123Z: the form in the journal
std::string to_rfc3339_s(Timestamp t);   // 2026-06-18T14:32:00Z: the form of seed 000
// Accepts "Z" and numeric offsets, with or without a fraction; years 1970–9999. Leap seconds are refused.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

// Personal data (DESIGN, section 8). In memory it is plain; the event codec seals it with the data key of the
// event's owner. After the owner was erased it reads as a default T.
template <class T>
struct Sealed {
  T value{};
  friend bool operator==(const Sealed&, const Sealed&) = default;
};

// A JSON object as its text, as the caller sent it less white space. The domain never looks inside.
struct JsonObject {
  std::string text = "{}";
  friend bool operator==(const JsonObject&, const JsonObject&) = default;
};

}  // namespace groundtruth::domain
