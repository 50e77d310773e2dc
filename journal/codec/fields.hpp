// Field types that carry their own rules: what a request declares, the reader checks (CONTRACTS, "Requests").
//
// A type of one's own joins in by the same shape: `value`, and a static `check` that says what is wrong. With
// kMaxItems or kMaxCharacters the reader refuses what is longer before it makes a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/values.hpp"

namespace groundtruth::journal::codec {

// What a rule found. `code` is one of the codes of FieldError; `item` is set where one item of a list is
// wrong.
struct FieldProblem {
  std::string code;
  std::string message;
  std::optional<std::size_t> item;
};

// A field that is read as its `value` and then checked. Written as its `value`.
template <class T>
concept CheckedField = requires(const T& field) {
  field.value;
  { T::check(field.value) } -> std::same_as<std::optional<FieldProblem>>;
};

std::size_t code_points(std::string_view utf8);  // of valid UTF-8
std::optional<FieldProblem> check_length(std::size_t actual, std::size_t min, std::size_t max,
                                         std::string_view unit);  // "character", "item", "byte"
std::optional<FieldProblem> check_range(std::int64_t actual, std::int64_t min, std::int64_t max);

// Text of Min to Max Unicode code points.
template <std::size_t Min, std::size_t Max>
struct Text {
  static constexpr std::size_t kMaxCharacters = Max;
  std::string value;
  static std::optional<FieldProblem> check(const std::string& text) {
    return check_length(code_points(text), Min, Max, "character");
  }
};

template <std::int64_t Min, std::int64_t Max>
struct Integer {
  std::int64_t value = Min;
  static std::optional<FieldProblem> check(std::int64_t number) { return check_range(number, Min, Max); }
};

// Money in whole cents, on the wire a number.
template <std::int64_t Min, std::int64_t Max>
struct CentsBetween {
  domain::Cents value{Min};
  static std::optional<FieldProblem> check(domain::Cents cents) { return check_range(cents.value, Min, Max); }
};

template <class T, std::size_t Min, std::size_t Max>
struct List {
  static constexpr std::size_t kMaxItems = Max;
  std::vector<T> value;
  static std::optional<FieldProblem> check(const std::vector<T>& items) {
    return check_length(items.size(), Min, Max, "item");
  }
};

// A list without repetition. Max is small: items are compared with each other.
template <class T, std::size_t Min, std::size_t Max>
struct UniqueList {
  static_assert(Max <= 256);
  static constexpr std::size_t kMaxItems = Max;
  std::vector<T> value;
  static std::optional<FieldProblem> check(const std::vector<T>& items) {
    if (auto problem = check_length(items.size(), Min, Max, "item")) return problem;
    for (std::size_t i = 1; i < items.size(); ++i)
      if (std::find(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i), items[i]) !=
          items.begin() + static_cast<std::ptrdiff_t>(i))
        return FieldProblem{"duplicate_item", "repeats an earlier item", i};
    return std::nullopt;
  }
};

// An object of the caller's own, at most `Bytes` long without white space.
template <std::size_t Bytes>
struct JsonObjectMax {
  domain::JsonObject value;
  static std::optional<FieldProblem> check(const domain::JsonObject& object) {
    return check_length(object.text.size(), 0, Bytes, "byte");
  }
};

// Empty is `null` on the wire, where an empty std::optional is left out. Read: null and absence are both
// empty; where they differ (PATCH), use std::optional<Nullable<T>>.
template <class T>
struct Nullable {
  std::optional<T> value;
  Nullable() = default;
  Nullable(std::optional<T> v) : value(std::move(v)) {}  // NOLINT(google-explicit-constructor)
  Nullable(T v) : value(std::move(v)) {}                 // NOLINT(google-explicit-constructor)
  friend bool operator==(const Nullable&, const Nullable&) = default;
};

// A time that is printed in whole seconds, the form of seed 000. Plain domain::Timestamp has milliseconds.
struct SecondsTime {
  domain::Timestamp value;
  friend bool operator==(const SecondsTime&, const SecondsTime&) = default;
};

}  // namespace groundtruth::journal::codec
