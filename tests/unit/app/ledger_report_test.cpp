// The ledger as operators read it: what is said of findings, and the audit under a server that goes on
// writing.
#include "api/ops/ledger_report.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "journal/chain.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/genesis.hpp"
#include "journal/memory/memory_journal.hpp"

using namespace groundtruth;
using namespace groundtruth::ops;
using domain::LedgerAccount;
using domain::PostingReason;
using projections::LedgerRule;

namespace {

const domain::AccountId kAcme{"org_01j9zq4k7w00a1b2c3d4e5f6g7"};
const auto kHome = journal::partition_of(journal::Topic::tasks, domain::bucket_of(kAcme.value).value());

// A journal in memory and its read models, to which postings are written whatever the domain thinks of them.
class Ledger {
 public:
  Ledger()
      : directory_(std::filesystem::temp_directory_path() /
                   ("gt-ledger-" + journal::new_uuid(journal::system_randomness()))),
        uuid_(journal::init_journal(journal_, journal::new_uuid(journal::system_randomness()),
                                    journal::system_clock())),
        codec_(uuid_, journal::make_memory_key_store(journal::system_randomness()),
               journal::system_randomness()),
        producer_(journal_.open_producer()) {
    projections::ProjectorOptions options;
    options.directory = directory_;
    options.journal_uuid = uuid_;
    projector_ = std::make_unique<projections::Projector>(std::move(options));
    chain_.feed(*journal_.read(kHome, 0, 1).front().value);
    applied_.push_back({kHome, 0, 0, chain_.head().id, nullptr, nullptr});
    append({{kAcme.value, 1, domain::AccountCreated{kAcme, {}, {"eml_x"}, {"Acme"}, {"a@b.c"}}}});
  }
  ~Ledger() {
    projector_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void post(PostingReason reason, std::vector<domain::PostingEntry> entries) {
    append({{domain::wallet_of(kAcme).value, ++postings_,
             domain::WalletPosted{kAcme, reason, "by hand", std::move(entries)}}});
  }

  // What was written since the last time reaches the read models.
  void project() {
    projector_->apply(std::exchange(applied_, {}), journal::ReadModels::Pace::at_once);
    do projector_->between_batches([] {});
    while (projector_->backlog() > 0);
    projector_->between_batches([] {});
  }

  LedgerCheckView check() {
    Jobs jobs(1);
    const auto response =
        jobs.stream([this](Report& report) { check_ledger_live(journal_, codec_, *projector_, report); });
    std::string text;
    while (response.next_chunk(text)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    constexpr std::string_view kHead = "{\"result\":";
    const auto begin = text.rfind(kHead);
    REQUIRE(begin != std::string::npos);
    const auto json = text.substr(begin + kHead.size(), text.size() - begin - kHead.size() - 2);
    auto view = journal::codec::decode_json<LedgerCheckView>(json, journal::codec::kStoredLimits);
    REQUIRE(view.value.has_value());
    return std::move(*view.value);
  }

  projections::Projector& projector() { return *projector_; }
  const std::string& uuid() const { return uuid_; }

 private:
  void append(std::vector<journal::CommittedEvent> events) {
    journal::Commit commit;
    commit.seq = chain_.head().next_seq();
    commit.prev = chain_.head().id;
    commit.at = {1'781'793'120'000};
    commit.actor = {journal::ActorKind::system, "test", ""};
    commit.command = {{"cmd_x"}, "test", {}};
    commit.events = std::move(events);
    const auto bytes = codec_.encode(commit);
    producer_->append(kHome, {bytes}, [](const journal::AppendReport&) {});
    REQUIRE(chain_.feed(*bytes).accepted);
    applied_.push_back({kHome, commit.seq, commit.seq, chain_.head().id, bytes,
                        std::make_shared<const journal::Commit>(codec_.decode(*bytes))});
  }

  const std::filesystem::path directory_;
  journal::MemoryJournal journal_;
  const std::string uuid_;
  journal::CommitCodec codec_;
  std::unique_ptr<journal::Producer> producer_;
  std::unique_ptr<projections::Projector> projector_;
  journal::Chain chain_;
  std::vector<journal::Accepted> applied_;
  std::uint32_t postings_ = 0;
};

using enum LedgerAccount;

}  // namespace

TEST_CASE("ledger: the audit under a server compares with what its read model has seen so far") {
  Ledger ledger;
  ledger.post(PostingReason::deposit, {{external, {-100}}, {available, {100}}});
  ledger.project();
  ledger.post(PostingReason::deposit, {{external, {-1}}, {available, {1}}});  // not in the read model yet
  const auto view = ledger.check();
  CHECK(view.sound);
  CHECK(view.journal == ledger.uuid());
  CHECK(view.postings == 2);
  CHECK(view.wallets == 1);
  CHECK(view.compared == 1);
  CHECK(view.balances_cents.at("available") == domain::Cents{101});
  CHECK(view.balances_cents.at("external") == domain::Cents{-101});
  CHECK(view.balances_cents.size() == domain::kLedgerAccounts);
  CHECK(view.violations.empty());
  CHECK(first_finding(view).empty());
}

TEST_CASE("ledger: a forged posting is named by position and account") {
  Ledger ledger;
  ledger.post(PostingReason::deposit, {{external, {-5}}, {available, {6}}});
  ledger.post(PostingReason::task_refund, {{available, {-6}}, {external, {6}}});
  ledger.post(PostingReason::task_funding, {{external, {-9}}, {escrow, {9}}});
  ledger.project();
  const auto view = ledger.check();
  CHECK_FALSE(view.sound);
  CHECK_FALSE(view.problem.has_value());
  CHECK(view.violated == 3);
  REQUIRE(view.violations.size() == 3);
  const LedgerRule rules[] = {LedgerRule::balance, LedgerRule::direction, LedgerRule::escrow};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(view.violations[i].rule == rules[i]);
    CHECK(view.violations[i].position == journal::to_string(journal::Position{kHome, 2 + i}));
    CHECK(view.violations[i].account == kAcme);
  }
  CHECK(first_finding(view) == journal::to_string(journal::Position{kHome, 2}) + ", account " + kAcme.value +
                                   ": a posting does not sum to zero: external -5, available 6");
}

TEST_CASE("ledger: where the journal itself is not sound, that comes first and proves nothing") {
  journal::VerifyReport report;
  report.problem = {std::nullopt, 0, "it burned", "Buy another"};
  projections::LedgerFindings findings;
  auto view = view_of(report, findings);
  CHECK_FALSE(view.sound);
  CHECK(first_finding(view) == "it burned. Buy another.");
  report.problem.reset();
  CHECK(view_of(report, findings).sound);
  findings.violated = 1;
  findings.violations.push_back({LedgerRule::read_model, std::nullopt, kAcme, "wrong"});
  view = view_of(report, findings);
  CHECK_FALSE(view.sound);
  CHECK(first_finding(view) == "the read model, account " + kAcme.value + ": wrong");
}

TEST_CASE("ledger: balance and statement") {
  Ledger ledger;
  ledger.project();
  CHECK(trial_balance(ledger.projector()).wallets == 0);
  CHECK(statement(ledger.projector(), kAcme, std::nullopt, 10)->postings.empty());
  CHECK_FALSE(statement(ledger.projector(), {"org_01j9zq4k7w00zzzzzzzzzzzzzz"}, std::nullopt, 10));
  for (int i = 1; i <= 3; ++i) ledger.post(PostingReason::deposit, {{external, {-i}}, {available, {i}}});
  ledger.project();
  const auto balance = trial_balance(ledger.projector());
  CHECK(balance.wallets == 1);
  CHECK(balance.balances_cents.at("available") == domain::Cents{6});
  CHECK(balance.total_cents == domain::Cents{0});
  const auto first = statement(ledger.projector(), kAcme, std::nullopt, 2);
  REQUIRE(first->postings.size() == 2);
  CHECK(first->postings[0].reference == "by hand");
  REQUIRE(first->next.has_value());
  const auto rest = statement(ledger.projector(), kAcme, projections::parse_posting_place(*first->next), 2);
  REQUIRE(rest->postings.size() == 1);
  CHECK(rest->postings[0].entries[1].amount_cents == domain::Cents{3});
  CHECK(rest->postings[0].position == journal::to_string(journal::Position{kHome, 4}));
  CHECK_FALSE(rest->next.has_value());
}
