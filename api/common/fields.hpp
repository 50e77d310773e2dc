// Wrong fields as the APIs name them, and how a query string is read: as strictly as a body, all faults at
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"
#include "domain/values.hpp"
#include "journal/codec/json_reader.hpp"

namespace groundtruth::api {

using FieldErrors = std::vector<journal::codec::FieldError>;

// The codes that API documents list; the codec's finer ones fold into them (too_short and too_long are
// out_of_range, a repeated item is an invalid_value).
std::string_view public_code(std::string_view codec_code);
void use_public_codes(FieldErrors& errors);

// Reads named parameters of a request's query. Each read marks the name as known; `finish` then names what is
// left, and what came twice. A parameter with a fault reads as absent.
class QueryReader {
 public:
  explicit QueryReader(const http::Request& request) : request_(request) {}

  std::optional<std::string_view> text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<domain::Timestamp> time(std::string_view name);
  template <class E>
  std::optional<E> one_of(std::string_view name) {
    const auto given = text(name);
    if (!given) return std::nullopt;
    std::string names;
    for (const auto& known : journal::codec::detail::kEnumerators<E>) {
      if (known.name == "none") continue;  // the state of what does not exist is nobody's filter
      if (known.name == *given) return known.value;
      if (!names.empty()) names += ", ";
      names += known.name;
    }
    fail(name, "invalid_value", "must be one of " + names);
    return std::nullopt;
  }
  void fail(std::string_view name, std::string_view code, std::string message);

  // Empty: all is well.
  FieldErrors finish();

 private:
  const http::Request& request_;
  std::vector<std::string_view> known_;
  FieldErrors errors_;
};

// The faults of a query where no parameter is known.
FieldErrors refuse_query(const http::Request& request);

}  // namespace groundtruth::api
