// `groundtruth ledger`: does the money add up, what is there in all, how did an account's balance come about;
// by the operator API, or on the files where no server runs.

#include "api/ops/ledger_report.hpp"
#include "app/commands.hpp"
#include "app/offline.hpp"
#include "app/result_stream.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/no_keys.hpp"

namespace groundtruth::app {
namespace {

// -1234567 -> "-1,234,567"
std::string in_cents(domain::Cents amount) {
  const auto magnitude = static_cast<std::uint64_t>(amount.value);
  return amount.value < 0 ? "-" + grouped(0 - magnitude) : grouped(magnitude);
}

// In the order of the ledger, which is not that of the names.
std::string table_of(const ops::Balances& balances) {
  Table table({{"LEDGER ACCOUNT"}, {"CENTS", Table::Align::right}});
  for (std::size_t i = 0; i < domain::kLedgerAccounts; ++i) {
    const std::string name = boost::describe::enum_to_string(static_cast<domain::LedgerAccount>(i), "");
    const auto found = balances.find(name);
    if (found != balances.end()) table.add({name, in_cents(found->second)});
  }
  return table.render();
}

void print_checked(const ops::LedgerCheckView& view) {
  Table table({{"POSITION"}, {"ACCOUNT"}, {"RULE"}, {"VIOLATION"}});
  for (const auto& each : view.violations)
    table.add({each.position.value_or("-"), each.account.value,
               boost::describe::enum_to_string(each.rule, ""), each.what});
  put(table_of(view.balances_cents) + "\n");
  if (!table.empty()) put(table.render() + "\n");
  if (view.violated > view.violations.size())
    put("and " + grouped(view.violated - view.violations.size()) + " more\n\n");
  put("journal " + (view.journal.empty() ? "without a genesis" : view.journal) + ": " +
      grouped(view.commits) + " commits, " + grouped(view.postings) + " postings, " + grouped(view.wallets) +
      " wallets, " + grouped(view.open_tasks) + " open tasks\n");
  put(view.compared ? "read model: " + grouped(*view.compared) + " wallets compared\n"
                    : "read model: none to compare\n");
  put(view.sound ? "sound: every cent is where the postings say\n" : "NOT SOUND\n");
}

// What the wallets' read model of a stopped data directory holds, as it lies there. Nothing where there is
// none that can be trusted: it is thrown away by the next start.
struct LocalModel {
  std::string journal;
  std::optional<projections::WalletSnapshot> wallets;
};

LocalModel local_model(const journal::DataDirectory& directory) {
  LocalModel model;
  for (const auto& definition : projections::all_projections()) {
    if (definition.name != "wallets") continue;
    const auto file = directory.read_models() / definition.file_name();
    const auto journal = projections::journal_of(file, definition);
    if (!journal) continue;
    projections::ReadPool readers(file, 1);
    try {
      model.wallets = projections::WalletQueries(readers).snapshot();
      model.journal = *journal;
    } catch (const sqlite::Error& error) {
      if (!error.is_corrupt()) throw;
    }
  }
  return model;
}

ops::LedgerCheckView check_by_reading(const ServerTarget& target) {
  const auto local = lock_local(target, journal::DataDirectory::Absent::refuse);
  auto model = local_model(*local.directory);
  const std::string model_journal = model.journal;
  projections::LedgerAudit audit(std::move(model.wallets));
  // No money is sealed: without any data key, personal fields read as empty, and the master key is not
  // needed.
  auto& randomness = journal::system_randomness();
  const journal::CommitCodec codec({}, std::make_unique<journal::NoKeys>(), randomness);
  ProgressBar bar("checking");
  auto options =
      ops::counting_options(0, [&](std::uint64_t done, std::uint64_t) { bar.update(done, 0, "records"); });
  ops::feed(audit, codec, options);
  const auto verified = journal::verify_sqlite_journal(journal_options(local.settings, *local.directory),
                                                       journal::system_clock(), options, false);
  if (!model_journal.empty() && !verified.journal_uuid.empty() && model_journal != verified.journal_uuid)
    throw CommandError(ExitCode::failed, local.directory->read_models().string() + " is of journal " +
                                             model_journal + ", and this one is " + verified.journal_uuid +
                                             ": the data directories were mixed up");
  return ops::view_of(verified, audit.finish());
}

ops::StatementView statement_page(HttpClient& server, const std::string& account,
                                  const std::optional<std::string>& after) {
  return read_answer<ops::StatementView>(success(
      server.get("/ops/accounts/" + account + "/statement" + (after ? "?after=" + *after : std::string()))));
}

ops::StatementView statement_page(NodeAssembly& node, const std::string& account,
                                  const std::optional<std::string>& after) {
  auto page =
      ops::statement(node.projector(), {account},
                     after ? projections::parse_posting_place(*after) : std::nullopt, projections::kMaxPage);
  if (!page) throw CommandError(ExitCode::failed, "there is no such account");
  return std::move(*page);
}

// The whole statement, page by page.
template <class Source>
ops::StatementView whole_statement(Source& source, const std::string& account) {
  auto all = statement_page(source, account, std::nullopt);
  while (all.next) {
    auto page = statement_page(source, account, all.next);
    for (auto& posting : page.postings) all.postings.push_back(std::move(posting));
    all.next = std::move(page.next);
  }
  return all;
}

std::string moves(const std::vector<domain::PostingEntry>& entries) {
  std::string out;
  for (const auto& entry : entries) {
    if (!out.empty()) out += ", ";
    out +=
        std::string(boost::describe::enum_to_string(entry.account, "")) + ' ' + in_cents(entry.amount_cents);
  }
  return out;
}

}  // namespace

ExitCode ledger_check(const CommonOptions& common) {
  auto server = find_server(common.target);
  const auto view =
      server ? read_answer<ops::LedgerCheckView>(run_streamed(*server, "/ops/ledger/check", "checking"))
             : check_by_reading(common.target);
  if (common.json) {
    put(journal::codec::to_json(view) + "\n");
  } else {
    print_checked(view);
  }
  if (view.sound) return ExitCode::ok;
  throw CommandError(ExitCode::verification_failed, printable(ops::first_finding(view)));
}

ExitCode ledger_balance(const CommonOptions& common) {
  ops::TrialBalanceView view;
  if (auto server = find_server(common.target)) {
    view = read_answer<ops::TrialBalanceView>(success(server->get("/ops/ledger/trial-balance")));
  } else {
    const auto node = open_local_node(common.target);
    view = ops::trial_balance(node->projector());
  }
  if (common.json) {
    put(journal::codec::to_json(view) + "\n");
  } else {
    put(table_of(view.balances_cents) + "\n" + grouped(view.wallets) + " wallets, together " +
        in_cents(view.total_cents) + " cents\n");
  }
  return ExitCode::ok;
}

ExitCode ledger_statement(const CommonOptions& common, const std::string& account) {
  if (!domain::is_id(account, "org_") && !domain::is_id(account, "wrk_"))
    throw CommandError(ExitCode::usage, "'" + printable(account) +
                                            "' is no account; `groundtruth account list` shows their ids.");
  ops::StatementView view;
  if (auto server = find_server(common.target)) {
    view = whole_statement(*server, account);
  } else {
    const auto node = open_local_node(common.target);
    view = whole_statement(*node, account);
  }
  if (common.json) {
    put(journal::codec::to_json(view) + "\n");
    return ExitCode::ok;
  }
  Table table({{"AT"}, {"POSITION"}, {"REASON"}, {"CENTS"}, {"REFERENCE"}});
  for (const auto& posting : view.postings)
    table.add({domain::to_rfc3339_ms(posting.at), posting.position,
               boost::describe::enum_to_string(posting.reason, ""), moves(posting.entries),
               posting.reference});
  put(table.empty() ? "no postings\n" : table.render());
  return ExitCode::ok;
}

}  // namespace groundtruth::app
