// `groundtruth account`: make, list, show and erase organizations and people, by the operator API.
#include <boost/describe.hpp>
#include <cstdio>

#include "app/commands.hpp"
#include "app/ops_views.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

struct Request {
  std::string surface, name, email;
};
BOOST_DESCRIBE_STRUCT(Request, (), (surface, name, email))

struct Created {
  std::string id, api_key, surface, name, email, created_at;
  domain::JsonObject key;
};
BOOST_DESCRIBE_STRUCT(Created, (), (id, api_key, surface, name, email, created_at, key))

struct CreatedForPrograms {
  std::string id, api_key;
};
BOOST_DESCRIBE_STRUCT(CreatedForPrograms, (), (id, api_key))

}  // namespace

ExitCode account_create(const CommonOptions& common, const NewAccountOptions& account) {
  auto server = require_server(common.target);
  const Request request{account.surface, account.name, account.email};
  const auto created =
      read_answer<Created>(success(server.post("/ops/accounts", journal::codec::to_json(request))));
  if (common.json) {
    std::printf("%s\n", journal::codec::to_json(CreatedForPrograms{created.id, created.api_key}).c_str());
    return ExitCode::ok;
  }
  std::printf(
      "Account  %s\nName     %s\nE-mail   %s\nKey      %s\n\nThis is the only time that the key is shown.\n",
      created.id.c_str(), printable(created.name).c_str(), printable(created.email).c_str(),
      created.api_key.c_str());
  return ExitCode::ok;
}

ExitCode account_list(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto all = all_pages(server, "/ops/accounts", "accounts", "id");
  if (common.json)
    put(all + "\n");
  else
    put(render_list(all, "accounts", {"id", "surface", "status", "created_at", "name", "email"}));
  return ExitCode::ok;
}

ExitCode account_show(const CommonOptions& common, const std::string& who) {
  auto server = require_server(common.target);
  const auto shown = success(server.get(path_of(server, who)));
  put(common.json ? shown : render_object(shown));
  return ExitCode::ok;
}

ExitCode account_limits(const CommonOptions& common, const std::string& who) {
  auto server = require_server(common.target);
  const auto shown = success(server.get(path_of(server, who) + "/limits"));
  put(common.json ? shown : render_object(shown));
  return ExitCode::ok;
}

ExitCode account_erase(const CommonOptions& common, const std::string& who) {
  auto server = require_server(common.target);
  const auto erased = success(server.del(path_of(server, who)));
  if (common.json)
    put(erased);
  else
    put(printable(member_of(erased, "id")) +
        " is erased: the history stays, the personal data in it can no longer be read.\n");
  return ExitCode::ok;
}

}  // namespace groundtruth::app
