// What the commands that speak of accounts have in common: percent-encoding, whom a word names, and showing
// to people what a server said in JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/ops_client.hpp"

namespace groundtruth::app {

// For a segment of a path, or a value of a query.
std::string escaped(std::string_view segment);

// The value of a member of a JSON object: text without its quotes, anything else as JSON; "" where it is
// none.
std::string member_of(const std::string& json, std::string_view name);

// Where an organization or a person is found: "/ops/accounts/org_…" or "/ops/workers/wrk_…". `who` is an id
// or an e-mail address. Throws CommandError (`failed`) where nobody has that address, or a person and an
// organization do.
std::string path_of(HttpClient& server, const std::string& who);

// A JSON object as lines of NAME VALUE.
std::string render_object(const std::string& json);

// The objects of the array `list`, one a line, their members `columns`.
std::string render_list(const std::string& json, std::string_view list,
                        const std::vector<std::string>& columns);

// All pages of a list in one: `{"<list>":[…]}`. `path` is without a query; items are walked by the member
// `id_name`.
std::string all_pages(HttpClient& server, const std::string& path, std::string_view list,
                      std::string_view id_name);

}  // namespace groundtruth::app
