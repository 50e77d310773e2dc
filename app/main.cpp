// The command line of `groundtruth`: its options, and which command they lead to.
#include <curl/curl.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/serve.hpp"
#include "app/terminal.hpp"
#include "workers/adapters/media_helper.hpp"
#include "workers/adapters/media_probe.hpp"

namespace {

using namespace groundtruth::app;

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 it did not work, 2 wrong usage, 3 no server reachable, 4 verification failed.";

// Builds the tree of commands; `chosen` becomes the one that was given.
class CommandLineTree {
 public:
  CommandLineTree() {
    root_.require_subcommand(1);
    root_.footer(kFooter);
    add_serve();
    add_account();
    add_key();
    add_contest();
    add_server();
    add_journal();
    add_keys();
    add_ledger();
    add_projections();
    auto* play =
        leaf(root_, "demo", "Play the example of the API on a server with --dev, step by step", false);
    play->add_option("--url", demo_url_, "Where the public API is, behind a proxy")->type_name("URL");
    on(play, [this] { return demo(common_, demo_url_); });
    auto* about = root_.add_subcommand("version", "What this program is made of");
    about->add_flag("--json", common_.json, "For programs");
    on(about, [this] { return version(common_); });
  }

  ExitCode run(int count, char** words) {
    name_unknown_command(count, words);
    try {
      root_.parse(count, words);
    } catch (const CLI::ParseError& error) {
      return root_.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
    }
    return chosen_();
  }

 private:
  // CLI11 says of a misspelt command only that one is required.
  void name_unknown_command(int count, char** words) {
    CLI::App* at = &root_;
    std::string path = root_.get_name();
    for (int i = 1; i < count && words[i][0] != '-'; ++i) {
      const auto known = at->get_subcommands([](CLI::App*) { return true; });
      if (known.empty()) return;
      const auto found = std::find_if(known.begin(), known.end(),
                                      [&](CLI::App* each) { return each->check_name(words[i]); });
      if (found == known.end())
        throw CommandError(ExitCode::usage,
                           "there is no command '" + printable(words[i]) + "'; see `" + path + " --help`");
      at = *found;
      path += ' ' + at->get_name();
    }
  }

  // A command that speaks to a server, or opens its data directory.
  CLI::App* leaf(CLI::App& parent, const char* name, const char* help, bool for_programs = true) {
    auto* command = parent.add_subcommand(name, help);
    command->add_option("--data", common_.target.data, "The server's data directory")->capture_default_str();
    command->add_option("--ops", common_.target.ops,
                        "The operators' address, if not the one in DATA/server.json");
    command->add_option("--config", common_.target.config,
                        "Where no server runs: its settings, of which the journal's are used");
    command->add_option("--journal", common_.target.journal,
                        "Where no server runs: sqlite (default) or kafka");
    command->add_option("--brokers", common_.target.brokers, "Kafka's brokers, HOST:PORT,…");
    if (for_programs) command->add_flag("--json", common_.json, "For programs");
    return command;
  }

  void on(CLI::App* command, std::function<ExitCode()> run) {
    command->callback([this, run = std::move(run)] { chosen_ = run; });
  }

  void add_serve() {
    auto* command = root_.add_subcommand("serve", "Run the server until SIGTERM or SIGINT");
    command->add_flag("--dev", line_.dev,
                      "Nothing outside is needed: local checkout page, keys and journal are made");
    command->add_option("--listen", line_.listen,
                        "Where the public API answers, IP:PORT (default 127.0.0.1:8080)");
    command->add_option("--ops", line_.ops,
                        "Where operators and metrics are, IP:PORT (default 127.0.0.1:8081)");
    command->add_option("--internal", line_.internal,
                        "On Kafka: where other nodes hand over commands, IP:PORT (default: nowhere)");
    command->add_option("--data", line_.data, "Data directory (default ./data)");
    command
        ->add_option("--roles", line_.roles,
                     "What this process does: api,workers (default), one of them, or reads: no commands")
        ->delimiter(',')
        ->allow_extra_args(false);
    command->add_option("--journal", line_.journal, "sqlite (default, in the data directory) or kafka");
    command->add_option("--brokers", line_.brokers, "Kafka's brokers, HOST:PORT,…");
    command->add_flag("--no-rate-limits", line_.no_rate_limits, "Count requests, refuse none");
    command->add_option("--config", config_,
                        "Settings in JSON; schemas/config/config.json describes every key");
    on(command, [this] { return serve(load_settings(config_, line_)); });
  }

  void add_account() {
    auto* group = root_.add_subcommand("account", "Organizations and people");
    group->require_subcommand(1);
    auto* create = leaf(*group, "create", "Make an account and its first admin key, shown this once");
    create->add_option("--surface", account_.surface, "Which API it is for, e.g. groundtruth")->required();
    create->add_option("--name", account_.name, "Name of the organization")->required();
    create->add_option("--email", account_.email, "Its e-mail address, unique in the surface")->required();
    on(create, [this] { return account_create(common_, account_); });
    on(leaf(*group, "list", "All organizations"), [this] { return account_list(common_); });
    constexpr const char* kWho = "An organization's or a worker's id, or an e-mail address";
    auto* show = leaf(*group, "show", "One organization or person");
    show->add_option("WHO", argument_, kWho)->required();
    on(show, [this] { return account_show(common_, argument_); });
    auto* limits = leaf(*group, "limits", "What they may do in a minute and a day, and have done");
    limits->add_option("WHO", argument_, kWho)->required();
    on(limits, [this] { return account_limits(common_, argument_); });
    auto* erase = leaf(*group, "erase", "Forget somebody: their personal data can never be read again");
    erase->add_option("WHO", argument_, kWho)->required();
    on(erase, [this] { return account_erase(common_, argument_); });
  }

  void add_key() {
    auto* group = root_.add_subcommand("key", "API keys of organizations");
    group->require_subcommand(1);
    constexpr const char* kWhose = "The organization's id or e-mail address";
    auto* create = leaf(*group, "create", "Make a key, shown this once");
    create->add_option("ACCOUNT", key_.account, kWhose)->required();
    create->add_option("--name", key_.name, "What it is for")->required();
    create->add_option("--scopes", key_.scopes, "read, write, admin, separated by commas")
        ->delimiter(',')
        ->required()
        ->allow_extra_args(false);
    create->add_option("--expires", key_.expires_at,
                       "When it ends, e.g. 2027-01-31T00:00:00Z; default never");
    on(create, [this] { return key_create(common_, key_); });
    auto* list = leaf(*group, "list", "All keys of an organization, revoked ones too");
    list->add_option("ACCOUNT", argument_, kWhose)->required();
    on(list, [this] { return key_list(common_, argument_); });
    auto* revoke = leaf(*group, "revoke", "End a key, for good");
    revoke->add_option("ACCOUNT", argument_, kWhose)->required();
    revoke->add_option("KEY", second_, "The key's id, key_…")->required();
    on(revoke, [this] { return key_revoke(common_, argument_, second_); });
  }

  void add_contest() {
    auto* group = root_.add_subcommand("contest", "Rejections that workers contest");
    group->require_subcommand(1);
    on(leaf(*group, "list", "Those that wait for a decision, the longest first"),
       [this] { return contest_list(common_); });
    const auto one = [&](const char* name, const char* help,
                         ExitCode (*run)(const CommonOptions&, const std::string&)) {
      auto* command = leaf(*group, name, help);
      command->add_option("SUBMISSION", argument_, "The submission's id, sub_…")->required();
      on(command, [this, run] { return run(common_, argument_); });
    };
    one("show", "What was handed in, and why it was refused", contest_show);
    one("uphold", "The work was good: the platform pays the worker", contest_uphold);
    one("dismiss", "The rejection stands", contest_dismiss);
  }

  void add_server() {
    auto* group = root_.add_subcommand("server", "What a running server says of itself");
    group->require_subcommand(1);
    on(leaf(*group, "status", "Is it ready, and why not"), [this] { return server_status(common_); });
    on(leaf(*group, "live", "Does it answer"), [this] { return server_live(common_); });
    on(leaf(*group, "metrics", "What it counts, as Prometheus reads it"),
       [this] { return server_metrics(common_); });
    on(leaf(*group, "routes", "What it serves"), [this] { return server_routes(common_); });
  }

  void add_journal() {
    auto* group = root_.add_subcommand("journal", "The history that everything else comes from");
    group->require_subcommand(1);
    auto* init = leaf(*group, "init", "Make an empty journal");
    init->add_flag("--dev", common_.target.dev, "On Kafka, one broker will do");
    on(init, [this] { return journal_init(common_); });
    on(leaf(*group, "stat", "Where each partition stands"), [this] { return journal_stat(common_); });
    auto* cat = leaf(*group, "cat", "The accepted commits of a partition, byte for byte, one a line");
    cat->add_option("PARTITION", argument_, "TOPIC/NUMBER, e.g. tasks/3")->required();
    cat->add_flag("--raw", raw_, "Every record, orphans too, as OFFSET SIZE VALUE");
    on(cat, [this] { return journal_cat(common_, argument_, raw_); });
    auto* copy = group->add_subcommand("copy", "Move the whole history to another log, byte for byte");
    copy->add_option("--from", argument_, "sqlite:DIRECTORY or kafka:HOST:PORT,… that nobody writes")
        ->required();
    copy->add_option("--to", to_, "The same; empty, or a copy that was interrupted")->required();
    copy->add_option("--config", common_.target.config, "Settings, of which those for Kafka are used");
    copy->add_flag("--dev", common_.target.dev, "On Kafka, one broker will do");
    copy->add_flag("--json", common_.json, "For programs");
    on(copy, [this] { return journal_copy(common_, argument_, to_); });
    auto* verify =
        leaf(*group, "verify", "Read everything and check that every commit follows the one before it");
    verify->add_flag("--repair-marker", verify_.repair_marker,
                     "After a failed write: when all is sound, let the server start again");
    verify->add_flag("--chain-only", verify_.chain_only,
                     "Not whether the data keys are there: for who has a copy of the journal alone");
    on(verify, [this] { return journal_verify(common_, verify_); });
  }

  void add_keys() {
    auto* group = root_.add_subcommand("master-key", "The key that personal data is kept under");
    group->require_subcommand(1);
    auto* create = group->add_subcommand("create", "Make it, once for a journal; keep a copy elsewhere");
    create->add_option("--data", common_.target.data, "The server's data directory, made where it is missing")
        ->capture_default_str();
    create->add_flag("--json", common_.json, "For programs");
    on(create, [this] { return master_key_create(common_); });

    auto* keys =
        root_.add_subcommand("keys", "The keys that each person's and company's data is sealed with");
    keys->require_subcommand(1);
    auto* give_up = keys->add_subcommand(
        "give-up", "Go on without those that are lost and of which there is no copy; the server is stopped");
    give_up->add_option("--data", common_.target.data, "The server's data directory")->capture_default_str();
    give_up->add_flag("--json", common_.json, "For programs");
    on(give_up, [this] { return keys_give_up(common_); });
  }

  void add_ledger() {
    auto* group = root_.add_subcommand("ledger", "The customers' money, by double entry");
    group->require_subcommand(1);
    on(leaf(*group, "check", "Read everything and check that every cent is where the postings say"),
       [this] { return ledger_check(common_); });
    on(leaf(*group, "balance", "Each ledger account, summed over all wallets"),
       [this] { return ledger_balance(common_); });
    auto* statement = leaf(*group, "statement", "Every posting of an account, oldest first");
    statement->add_option("ACCOUNT", argument_, "The account's id")->required();
    on(statement, [this] { return ledger_statement(common_, argument_); });
  }

  void add_projections() {
    auto* group = root_.add_subcommand("projections", "The read models, which come from the journal");
    group->require_subcommand(1);
    on(leaf(*group, "list", "Which there are and how far they are"),
       [this] { return projections_list(common_); });
    auto* rebuild =
        leaf(*group, "rebuild", "Build one, or all, anew from the journal while the server goes on");
    rebuild->add_option("NAME", argument_, "Which one; without it all");
    on(rebuild, [this] { return projections_rebuild(common_, argument_); });
    on(leaf(*group, "digest", "What they hold, as one number each"),
       [this] { return projections_digest(common_); });
  }

  CLI::App root_{"Ground Truth: one event-sourced backend on a chained journal", "groundtruth"};
  CommonOptions common_;
  std::string demo_url_;
  CommandLine line_;
  std::optional<std::filesystem::path> config_;
  NewAccountOptions account_;
  NewKeyOptions key_;
  std::string argument_, second_;
  std::string to_;
  bool raw_ = false;
  VerifyOptions verify_;
  std::function<ExitCode()> chosen_;
};

}  // namespace

int main(int count, char** words) {
  // Not a command for people: what the server starts beside itself, before anything else of this program is.
  if (count == 2 && std::string_view(words[1]) == groundtruth::adapters::kMediaHelperCommand)
    return groundtruth::adapters::run_media_helper({}, groundtruth::adapters::inspect_media);
  ExitCode code = ExitCode::failed;
  ::umask(077);  // whatever the shell says: what is written here is of money and people
  try {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    code = CommandLineTree().run(count, words);
    if (std::fflush(stdout) != 0) code = ExitCode::failed;
  } catch (const CommandError& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "groundtruth: %s\n", error.what());
    code = error.code();
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "groundtruth: %s\n", error.what());
  }
  return static_cast<int>(code);
}
