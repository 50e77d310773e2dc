// See ops_views.hpp.
#include "app/ops_views.hpp"

#include <cstdio>
#include <functional>

#include "app/terminal.hpp"
#include "journal/codec/json_view.hpp"

namespace groundtruth::app {
namespace {

using journal::codec::JsonDocument;
using journal::codec::JsonKind;
using journal::codec::JsonNode;

constexpr std::size_t kMaxPages = 100'000;

void each_member(const JsonNode* object, const std::function<void(std::string_view, const JsonNode*)>& take) {
  if (object == nullptr || object->kind != JsonKind::object) return;
  const JsonNode* name = object->first();
  for (std::uint64_t i = 0; i < object->count; ++i) {
    const JsonNode* value = name->next();
    take(name->string(), value);
    name = value->next();
  }
}

const JsonNode* find(const JsonNode* object, std::string_view wanted) {
  const JsonNode* found = nullptr;
  each_member(object, [&](std::string_view name, const JsonNode* value) {
    if (name == wanted) found = value;
  });
  return found;
}

std::string text_of(const JsonDocument& document, const JsonNode* value) {
  if (value == nullptr) return {};
  if (value->kind == JsonKind::string) return std::string(value->string());
  return document.raw_text(value);
}

[[noreturn]] void not_understood() {
  throw CommandError(ExitCode::failed,
                     "cannot understand the server's answer; is the server another version?");
}

}  // namespace

std::string escaped(std::string_view segment) {
  std::string out;
  for (const char c : segment) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    if (plain) {
      out += c;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += code;
  }
  return out;
}

std::string member_of(const std::string& json, std::string_view name) {
  const JsonDocument document(json, journal::codec::kStoredLimits);
  return text_of(document, find(document.root(), name));
}

std::string path_of(HttpClient& server, const std::string& who) {
  if (who.starts_with("org_")) return "/ops/accounts/" + escaped(who);
  if (who.starts_with("wrk_")) return "/ops/workers/" + escaped(who);
  if (who.find('@') == std::string::npos)
    throw CommandError(ExitCode::usage,
                       "'" + printable(who) + "' is neither an id (org_…, wrk_…) nor an e-mail address");
  const auto listed = success(server.get("/ops/accounts?email=" + escaped(who)));
  const JsonDocument document(listed, journal::codec::kStoredLimits);
  const auto* accounts = find(document.root(), "accounts");
  if (accounts == nullptr || accounts->kind != JsonKind::array) not_understood();
  const std::string organization =
      accounts->count == 0 ? std::string() : text_of(document, find(accounts->first(), "id"));
  const auto found = server.get("/ops/workers?email=" + escaped(who));
  if (!found.ok() && found.status != 404) success(found);
  const std::string person = found.ok() ? member_of(found.body, "id") : std::string();
  if (!organization.empty() && !person.empty())
    throw CommandError(ExitCode::failed,
                       "an organization and a person have this e-mail address; name one by its id: " +
                           organization + " or " + person);
  if (!organization.empty()) return "/ops/accounts/" + organization;
  if (!person.empty()) return "/ops/workers/" + person;
  throw CommandError(ExitCode::failed, "nobody has the e-mail address " + printable(who));
}

std::string render_object(const std::string& json) {
  const JsonDocument document(json, journal::codec::kStoredLimits);
  if (document.root() == nullptr) not_understood();
  Table table({{"FIELD"}, {"VALUE"}});
  each_member(document.root(), [&](std::string_view name, const JsonNode* value) {
    table.add({std::string(name), printable(text_of(document, value))});
  });
  return table.render();
}

std::string render_list(const std::string& json, std::string_view list,
                        const std::vector<std::string>& columns) {
  const JsonDocument document(json, journal::codec::kStoredLimits);
  const auto* items = list.empty() ? document.root() : find(document.root(), list);
  if (items == nullptr || items->kind != JsonKind::array) not_understood();
  std::vector<Table::Column> titles;
  for (const auto& column : columns) {
    std::string title = column;
    for (char& c : title) c = c == '_' ? ' ' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    titles.push_back({std::move(title)});
  }
  Table table(std::move(titles));
  const JsonNode* item = items->first();
  for (std::uint64_t i = 0; i < items->count; ++i, item = item->next()) {
    std::vector<std::string> cells;
    for (const auto& column : columns) cells.push_back(printable(text_of(document, find(item, column))));
    table.add(std::move(cells));
  }
  return table.render();
}

std::string all_pages(HttpClient& server, const std::string& path, std::string_view list,
                      std::string_view id_name) {
  std::string all = "{\"" + std::string(list) + "\":[", after;
  bool is_first = true;
  for (std::size_t pages = 0; pages < kMaxPages; ++pages) {
    const auto page = success(server.get(path + (after.empty() ? "" : "?after=" + escaped(after))));
    const JsonDocument document(page, journal::codec::kStoredLimits);
    const auto* items = find(document.root(), list);
    const auto* more = find(document.root(), "more");
    if (items == nullptr || items->kind != JsonKind::array || more == nullptr) not_understood();
    const JsonNode* item = items->first();
    for (std::uint64_t i = 0; i < items->count; ++i, item = item->next()) {
      if (!is_first) all += ',';
      is_first = false;
      all += document.raw_text(item);
      after = text_of(document, find(item, id_name));
    }
    if (!more->boolean || items->count == 0) break;
  }
  return all + "]}";
}

}  // namespace groundtruth::app
