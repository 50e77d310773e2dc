// See link_body.hpp.
#include "api/worker/link_body.hpp"

namespace groundtruth::api::worker {
namespace {

bool has_type(const http::Request& request, std::string_view type) {
  const auto header = request.headers.find("Content-Type");
  if (!header) return false;
  return http::equals_ignoring_case(http::trim(header->substr(0, header->find(';'))), type);
}

}  // namespace

bool is_form(const http::Request& request) {
  return has_type(request, "application/x-www-form-urlencoded");
}

bool is_json(const http::Request& request) {
  return has_type(request, "application/json");
}

std::optional<std::string> json_of_form(std::string_view body) {
  const auto fields = parse_form(body);
  if (!fields) return std::nullopt;
  std::string json = "{";
  for (const auto& [name, value] : *fields) {
    if (value.empty()) continue;
    if (json.size() > 1) json += ',';
    journal::codec::append_string(json, name);
    json += ':';
    journal::codec::append_string(json, value);
  }
  return json + '}';
}

}  // namespace groundtruth::api::worker
