// The commands of `groundtruth`, without the parsing of their options. Each prints its answer on stdout and
// throws CommandError for what did not work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/exit_code.hpp"
#include "app/ops_client.hpp"

namespace groundtruth::app {

// What every command takes.
struct CommonOptions {
  ServerTarget target;
  bool json = false;  // for programs; otherwise tables for people
};

// commands_account.cpp
struct NewAccountOptions {
  std::string surface, name, email;
};
ExitCode account_create(const CommonOptions& common, const NewAccountOptions& account);
ExitCode account_list(const CommonOptions& common);
// `who` is an organization's or a worker's id, or an e-mail address.
ExitCode account_show(const CommonOptions& common, const std::string& who);
ExitCode account_limits(const CommonOptions& common, const std::string& who);
ExitCode account_erase(const CommonOptions& common, const std::string& who);

// commands_key.cpp; `account` is an organization's id or e-mail address
struct NewKeyOptions {
  std::string account, name;
  std::vector<std::string> scopes;
  std::optional<std::string> expires_at;
};
ExitCode key_create(const CommonOptions& common, const NewKeyOptions& key);
ExitCode key_list(const CommonOptions& common, const std::string& account);
ExitCode key_revoke(const CommonOptions& common, const std::string& account, const std::string& key);

// commands_contest.cpp
ExitCode contest_list(const CommonOptions& common);
ExitCode contest_show(const CommonOptions& common, const std::string& submission);
ExitCode contest_uphold(const CommonOptions& common, const std::string& submission);
ExitCode contest_dismiss(const CommonOptions& common, const std::string& submission);

// commands_server.cpp
ExitCode server_status(const CommonOptions& common);
ExitCode server_live(const CommonOptions& common);
ExitCode server_metrics(const CommonOptions& common);
ExitCode server_routes(const CommonOptions& common);

// commands_journal.cpp
ExitCode journal_init(const CommonOptions& common);
ExitCode journal_stat(const CommonOptions& common);
ExitCode journal_cat(const CommonOptions& common, const std::string& partition, bool raw);
ExitCode journal_copy(const CommonOptions& common, const std::string& from, const std::string& to);
struct VerifyOptions {
  bool repair_marker = false;
  bool chain_only = false;
};
ExitCode journal_verify(const CommonOptions& common, const VerifyOptions& options);

// commands_keys.cpp
ExitCode master_key_create(const CommonOptions& common);
ExitCode keys_give_up(const CommonOptions& common);

// commands_ledger.cpp
ExitCode ledger_check(const CommonOptions& common);
ExitCode ledger_balance(const CommonOptions& common);
ExitCode ledger_statement(const CommonOptions& common, const std::string& account);

// commands_projections.cpp
ExitCode projections_list(const CommonOptions& common);
ExitCode projections_rebuild(const CommonOptions& common, const std::string& name);  // "": all
ExitCode projections_digest(const CommonOptions& common);

// demo.cpp; `url` is where the public API is reached, "" as the server says
ExitCode demo(const CommonOptions& common, const std::string& url);

// version.cpp
ExitCode version(const CommonOptions& common);

}  // namespace groundtruth::app
