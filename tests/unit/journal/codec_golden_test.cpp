// The bytes of every event type are storage (DESIGN, section 4): schemas/events/golden holds them, and they
// never change. A new type's file is made by running this test with GOLDEN_WRITE=1.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/unit/files.hpp"
#include "tests/unit/journal/codec_support.hpp"

namespace groundtruth::journal::test {
namespace {

const std::filesystem::path kEvents = std::filesystem::path(GT_SOURCE_DIR) / "schemas" / "events";

bool writing() {
  return std::getenv("GOLDEN_WRITE") != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

using groundtruth::testing::read_file;

// The `data` of a record's only event.
std::string data_of(std::string_view record) {
  constexpr std::string_view head = R"("data":)";
  const auto begin = record.find(head) + head.size();
  return std::string(record.substr(begin, record.size() - begin - std::string_view("}]}").size()));
}

void check_golden(std::string_view type, int schema, const std::string& data) {
  const auto file = kEvents / "golden" / (std::string(type) + ".v" + std::to_string(schema) + ".json");
  if (writing()) std::ofstream(file, std::ios::binary) << data << '\n';
  CHECK(read_file(file) == data + "\n");
}

Commit commit_of(CommittedEvent event) {
  Commit commit = sample_commit();
  event.version = 1;
  commit.events = {std::move(event)};
  return commit;
}

std::string_view type_of(const domain::Event& event) {
  return std::visit([](const auto& e) { return std::remove_cvref_t<decltype(e)>::kType; }, event);
}
int schema_of(const domain::Event& event) {
  return std::visit([](const auto& e) { return std::remove_cvref_t<decltype(e)>::kSchema; }, event);
}

TEST_CASE("every event type keeps its bytes, and they keep their meaning") {
  std::set<std::size_t> covered;
  for (const auto& sample : sample_events()) {
    const auto type = type_of(sample.data);
    CAPTURE(type);
    covered.insert(sample.data.index());
    CountingRandomness randomness;
    const CommitCodec codec(std::string(kJournal), std::make_shared<FixedKeyStore>(), randomness);

    const auto record = codec.encode(commit_of(sample));
    const auto data = data_of(*record);
    check_golden(type, schema_of(sample.data), data);

    const auto golden = read_file(
        kEvents / "golden" / (std::string(type) + ".v" + std::to_string(schema_of(sample.data)) + ".json"));
    std::string stored = *record;
    stored.replace(stored.find(data), data.size(), golden.substr(0, golden.size() - 1));
    const Commit decoded = codec.decode(stored);
    REQUIRE(decoded.events.size() == 1);
    CHECK(plain_text(decoded.events[0].data) == plain_text(sample.data));
  }
  CHECK(covered.size() == std::variant_size_v<domain::Event>);
}

// The bytes that older programs wrote, which no program writes any more.
template <class E>
E read_past(int schema, const std::string& stream = kTask.value) {
  CountingRandomness randomness;
  const CommitCodec codec(std::string(kJournal), std::make_shared<FixedKeyStore>(), randomness);
  auto today = commit_of({stream, 1, domain::TaskFunded{kCheckout, domain::Cents{1}}});
  std::string record = *codec.encode(today);
  record.resize(record.find(R"("type":"task.funded")"));
  const auto type = std::string(E::kType), number = std::to_string(schema);
  const auto golden = read_file(kEvents / "golden" / (type + ".v" + number + ".json"));
  record += R"("type":")" + type + R"(","schema":)" + number + R"(,"data":)";
  record += golden.substr(0, golden.size() - 1) + "}]}";
  const Commit commit = codec.decode(record);
  const auto* event = commit.find<E>();
  REQUIRE(event != nullptr);
  return *event;
}

TEST_CASE("a task of schema 1 is a task that asks for nothing") {
  const auto created = read_past<domain::TaskCreated>(1);
  CHECK(created.task == kTask);
  CHECK(created.funding_url == "https://checkout.stripe.com/c/pay/cs_a1b2c3");
  CHECK_FALSE(created.requirements);
}

TEST_CASE("a lease of schema 1 was not counted") {
  const auto granted = read_past<domain::LeaseGranted>(1);
  CHECK(granted.lease == 0);
  CHECK(granted.assignment == kAssignment);
  CHECK(granted.task == kTask);
  CHECK(granted.account == kAccount);
  CHECK(granted.worker == kWorker);
  CHECK(granted.reward_cents == domain::Cents{250});
  CHECK(granted.expires_at == domain::Timestamp{kAt.ms + 1'800'000});
  const auto announced = read_past<domain::UploadAnnounced>(1);
  CHECK(announced.lease == 0);
  CHECK(announced.assignment == kAssignment);
  CHECK(announced.upload.upload == kUpload);
}

TEST_CASE("a task of schema 2 has no end of its checkout") {
  const auto created = read_past<domain::TaskCreated>(2);
  CHECK(created.task == kTask);
  CHECK(created.requirements.has_value());
  CHECK_FALSE(created.checkout_until);
}

TEST_CASE("what a worker of schema 1 offers stood in the clear") {
  const auto registered = read_past<domain::WorkerRegistered>(1, kWorker.value);
  CHECK(registered.worker == kWorker);
  CHECK(registered.name.value == "Ada");
  CHECK(registered.skills.value == std::vector<std::string>{"driving", "french"});
  CHECK(registered.modalities.value == std::vector<domain::Modality>{domain::Modality::video});
  const auto changed = read_past<domain::WorkerProfileChanged>(1, kWorker.value);
  CHECK(changed.name.value == "Ada L.");
  CHECK(changed.skills.value == std::vector<std::string>{"driving"});
}

TEST_CASE("money and outcomes of schema 1 are what they were") {
  const auto posted = read_past<domain::WalletPosted>(1);
  CHECK(posted.reason == domain::PostingReason::task_funding);
  CHECK(domain::follows_rules(posted));
  const auto settled = read_past<domain::WorkSettled>(1);
  CHECK(settled.outcome == domain::WorkOutcome::approved);
  CHECK(settled.earned_cents == domain::Cents{250});
}

TEST_CASE("every event type has a schema") {
  for (const auto& sample : sample_events()) {
    const auto name =
        std::string(type_of(sample.data)) + ".v" + std::to_string(schema_of(sample.data)) + ".json";
    CAPTURE(name);
    CHECK(std::filesystem::exists(kEvents / name));
  }
  CHECK(std::filesystem::exists(kEvents / "journal.created.v1.json"));
}

TEST_CASE("genesis keeps its bytes") {
  Genesis genesis;
  genesis.journal = kJournal;
  genesis.topic = "tasks";
  genesis.partition = 3;
  const auto record = encode_genesis(genesis, kAt);
  check_golden(Genesis::kType, Genesis::kSchema, data_of(record));
  CHECK(record == R"({"seq":0,"prev":"0000000000000000000000000000000000000000000000000000000000000000",)"
                  R"("at":"2026-06-18T14:32:00.123Z","actor":{"kind":"system","id":"journal.init"},)"
                  R"("command":{"id":"genesis","name":"journal.init"},)"
                  R"("events":[{"stream":"journal","version":1,"type":"journal.created","schema":1,"data":)" +
                      data_of(record) + "}]}");
}

}  // namespace
}  // namespace groundtruth::journal::test
