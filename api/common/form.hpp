// Bodies of HTML forms: application/x-www-form-urlencoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace groundtruth::api {

// Decoded pairs in order. nullopt: an escape that is none.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view body);

// The value of a field that is there exactly once.
std::optional<std::string> only_value(std::string_view body, std::string_view name);

}  // namespace groundtruth::api
