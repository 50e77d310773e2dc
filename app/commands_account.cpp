// `groundtruth account`: make, list and erase accounts, by the operator API.
#include <boost/describe.hpp>
#include <cstdio>

#include "app/commands.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

struct Request {
  std::string surface, name, email;
};
BOOST_DESCRIBE_STRUCT(Request, (), (surface, name, email))

struct Account {
  std::string id, surface, status, name, email, created_at;
};
BOOST_DESCRIBE_STRUCT(Account, (), (id, surface, status, name, email, created_at))

struct AccountList {
  std::vector<Account> accounts;
  bool more = false;
};
BOOST_DESCRIBE_STRUCT(AccountList, (), (accounts, more))

struct Created {
  std::string id, api_key, surface, name, email, created_at;
  domain::JsonObject key;
};
BOOST_DESCRIBE_STRUCT(Created, (), (id, api_key, surface, name, email, created_at, key))

struct CreatedForPrograms {
  std::string id, api_key;
};
BOOST_DESCRIBE_STRUCT(CreatedForPrograms, (), (id, api_key))

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
  AccountList all;
  std::string after;
  do {
    auto page = read_answer<AccountList>(
        success(server.get("/ops/accounts" + (after.empty() ? "" : "?after=" + after))));
    all.more = page.more;
    for (auto& account : page.accounts) all.accounts.push_back(std::move(account));
    if (!all.accounts.empty()) after = all.accounts.back().id;
  } while (all.more);
  if (common.json) {
    std::printf("%s\n", journal::codec::to_json(all).c_str());
    return ExitCode::ok;
  }
  Table table({{"ACCOUNT"}, {"SURFACE"}, {"STATUS"}, {"CREATED"}, {"NAME"}, {"E-MAIL"}});
  for (const auto& account : all.accounts)
    table.add({account.id, account.surface, account.status, account.created_at, account.name, account.email});
  std::fputs(table.render().c_str(), stdout);
  return ExitCode::ok;
}

ExitCode account_erase(const CommonOptions& common, const std::string& id) {
  auto server = require_server(common.target);
  const auto erased = success(server.del("/ops/accounts/" + escaped(id)));
  if (common.json) {
    std::fputs(erased.c_str(), stdout);
  } else {
    std::printf("%s is erased: its history stays, the personal data in it can no longer be read.\n",
                printable(id).c_str());
  }
  return ExitCode::ok;
}

}  // namespace groundtruth::app
