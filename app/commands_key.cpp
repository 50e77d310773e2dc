// `groundtruth key`: make, list and revoke the API keys of an organization, by the operator API.
#include <boost/describe.hpp>

#include "app/commands.hpp"
#include "app/ops_views.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

struct KeyRequest {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::string> expires_at;
};
BOOST_DESCRIBE_STRUCT(KeyRequest, (), (name, scopes, expires_at))

std::string keys_of(HttpClient& server, const std::string& account) {
  const auto path = path_of(server, account);
  if (!path.starts_with("/ops/accounts/"))
    throw CommandError(ExitCode::failed, "only organizations have API keys; people log in");
  return path + "/keys";
}

}  // namespace

ExitCode key_create(const CommonOptions& common, const NewKeyOptions& key) {
  auto server = require_server(common.target);
  const KeyRequest request{key.name, key.scopes, key.expires_at};
  const auto path = keys_of(server, key.account);
  const auto created = success(server.post(path, journal::codec::to_json(request)));
  if (common.json) {
    put(created);
    return ExitCode::ok;
  }
  put("Id   " + printable(member_of(created, "id")) + "\nKey  " + printable(member_of(created, "api_key")) +
      "\n\nThis is the only time that the key is shown.\n");
  return ExitCode::ok;
}

ExitCode key_list(const CommonOptions& common, const std::string& account) {
  auto server = require_server(common.target);
  const auto path = keys_of(server, account);
  const auto all = all_pages(server, path, "keys", "id");
  if (common.json)
    put(all + "\n");
  else
    put(render_list(
        all, "keys",
        {"id", "name", "scopes", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"}));
  return ExitCode::ok;
}

ExitCode key_revoke(const CommonOptions& common, const std::string& account, const std::string& key) {
  auto server = require_server(common.target);
  const auto path = keys_of(server, account);
  success(server.del(path + "/" + escaped(key)));
  put(common.json ? "{\"id\":" + journal::codec::to_json(key) + ",\"revoked\":true}\n"
                  : printable(key) + " is revoked.\n");
  return ExitCode::ok;
}

}  // namespace groundtruth::app
