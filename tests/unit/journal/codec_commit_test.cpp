// Commits to bytes and back: the exact form of a record, and what is refused as unreadable.
#include <doctest/doctest.h>

#include <string>

#include "journal/codec/event_registry.hpp"
#include "tests/unit/journal/codec_support.hpp"

namespace groundtruth::journal::test {
namespace {

struct Bench {
  std::shared_ptr<FixedKeyStore> keys = std::make_shared<FixedKeyStore>();
  CountingRandomness randomness;
  CommitCodec codec{std::string(kJournal), keys, randomness};
};

const std::string kPrev(64, 'a');

std::string line(const std::string& members) {
  return R"({"seq":7,"prev":")" + kPrev + R"(",)" + members + "}";
}
const std::string kHead =
    R"("at":"2026-06-18T14:32:00.123Z","actor":{"kind":"system","id":"x"},"command":{"id":"cmd_1","name":"n"},)";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

TEST_CASE("a commit has one form") {
  Bench bench;
  Commit commit = sample_commit();
  commit.events = {{kEmailClaim.value, 1, domain::EmailClaimed{kAccount}},
                   {kAccount.value, 2, domain::AccountErased{kAccount}}};
  std::string ab;
  for (int i = 0; i < 32; ++i) ab += "ab";
  CHECK(
      *bench.codec.encode(commit) ==
      R"({"seq":12,"prev":")" + ab +
          R"(","at":"2026-06-18T14:32:00.123Z",)"
          R"("actor":{"kind":"api_key","id":"key_01j9zq4k7w00r5s6t7v8w9x0y1","account":"org_01j9zq4k7w00a1b2c3d4e5f6g7"},)"
          R"("command":{"id":"cmd_01j9zq4k7w00bbbbbbbbbbbbbb","name":"task.create","idempotency_key":"k-1",)"
          R"("scope":"POST /api/v1/tasks","request_hash":"00112233445566778899aabbccddeeff"},)"
          R"("cause":{"topic":"workers","partition":3,"seq":99,"event":0,"effect":"pay.0"},)"
          R"("events":[{"stream":"eml_0000000000002468acegjmprtw","version":1,"type":"email.claimed","schema":1,)"
          R"("data":{"account":"org_01j9zq4k7w00a1b2c3d4e5f6g7"}},)"
          R"({"stream":"org_01j9zq4k7w00a1b2c3d4e5f6g7","version":2,"type":"account.erased","schema":1,)"
          R"("data":{"account":"org_01j9zq4k7w00a1b2c3d4e5f6g7"}}]})");
}

TEST_CASE("what is not there is left out") {
  Bench bench;
  Commit commit;
  commit.seq = 1;
  commit.at = kAt;
  commit.actor = {ActorKind::system, "writer", ""};
  commit.command = {{"cmd_1"}, "noop", std::nullopt};
  const auto bytes = bench.codec.encode(commit);
  CHECK(bytes->ends_with(
      R"("actor":{"kind":"system","id":"writer"},"command":{"id":"cmd_1","name":"noop"},"events":[]})"));
  CHECK(bench.codec.decode(*bytes).events.empty());
}

TEST_CASE("a commit comes back as it was") {
  Bench bench;
  const Commit commit = sample_commit();
  const auto bytes = bench.codec.encode(commit);
  CHECK(bytes->find('\n') == std::string::npos);
  const auto prefix = parse_prefix(*bytes);
  REQUIRE(prefix);
  CHECK(prefix->seq == commit.seq);
  CHECK(prefix->prev == commit.prev);

  const Commit back = bench.codec.decode(*bytes);
  CHECK(back.seq == commit.seq);
  CHECK(back.prev == commit.prev);
  CHECK(back.at == commit.at);
  CHECK(back.actor == commit.actor);
  CHECK(back.command.id == commit.command.id);
  CHECK(back.command.name == commit.command.name);
  CHECK(back.command.keyed == commit.command.keyed);
  REQUIRE(back.cause);
  CHECK(back.cause->source == commit.cause->source);
  CHECK(back.cause->seq == 99);
  CHECK(back.cause->effect == "pay.0");
  REQUIRE(back.events.size() == commit.events.size());
  for (std::size_t i = 0; i < back.events.size(); ++i) {
    CHECK(back.events[i].stream == commit.events[i].stream);
    CHECK(back.events[i].version == commit.events[i].version);
    CHECK(plain_text(back.events[i].data) == plain_text(commit.events[i].data));
  }
}

TEST_CASE("an object as deep as a request may hold survives in a commit") {
  Bench bench;
  Commit commit = sample_commit();
  domain::TaskCreated task;
  task.metadata.text = R"({"a":)" + std::string(30, '[') + std::string(30, ']') + "}";
  commit.events = {{kTask.value, 1, task}};
  CHECK_NOTHROW(bench.codec.decode(*bench.codec.encode(commit)));
}

TEST_CASE("a commit is one line") {
  Bench bench;
  Commit commit = sample_commit();
  domain::TaskCreated task;
  task.metadata.text = "{\n}";
  commit.events = {{kTask.value, 1, task}};
  CHECK_THROWS_AS(bench.codec.encode(commit), std::invalid_argument);
}

TEST_CASE("what this program cannot read is refused, with the reason") {
  Bench bench;
  const std::string good = line(
      kHead +
      R"("events":[{"stream":"s","version":1,"type":"email.released","schema":1,"data":{"account":"a"}}])");
  CHECK_NOTHROW(bench.codec.decode(good));
  struct Row {
    std::string value;
    std::string_view reason;
  };
  const std::vector<Row> rows{
      {"", "begin like a commit"},
      {"[]", "begin like a commit"},
      {replaced(good, R"("seq":7)", R"("seq":07)"), "begin like a commit"},
      {good.substr(0, good.size() - 1), "not JSON"},
      {good + "\n", "more than one line"},
      {good + good, "not JSON"},
      {replaced(good, R"("cmd_1")", "\"\xFF\""), "not valid UTF-8"},
      {line(kHead + R"("events":[],"more":1)"), "'more'"},
      {line(kHead + R"("events":[],"seq":7)"), "'seq' is given more than once"},
      {line(kHead.substr(0, kHead.size() - 1)), "'events' is required"},
      {line(R"("events":[])"), "'at' is required"},
      {replaced(good, R"("kind":"system")", R"("kind":"ghost")"), "'actor.kind'"},
      {replaced(good, R"("name":"n")", R"("name":"n","idempotency_key":"k")"), "part of a keyed request"},
      {replaced(good, R"("events")",
                R"("cause":{"topic":"t","partition":0,"seq":1,"event":0,"effect":"e"},"events")"),
       "names no partition"},
      {replaced(good, R"("events")",
                R"("cause":{"topic":"tasks","partition":16,"seq":1,"event":0,"effect":"e"},"events")"),
       "names no partition"},
      {replaced(good, "email.released", "email.lost"), "unknown type email.lost"},
      {replaced(good, "email.released", "journal.created"), "unknown type journal.created"},
      {replaced(good, R"("schema":1)", R"("schema":2)"), "unknown schema 2 of email.released"},
      {replaced(good, R"("version":1)", R"("version":0)"), "'events[0].version'"},
      {replaced(good, R"({"account":"a"})", R"({})"), "'events[0].data.account' is required"},
      {replaced(good, R"({"account":"a"})", R"({"account":"a","x":1})"), "'events[0].data.x'"},
      {replaced(good, R"({"account":"a"})", R"("a")"), "'events[0].data' must be an object"},
      {replaced(good, R"("seq":7)", R"("seq":0)"), "no genesis"},
  };
  for (const auto& [value, reason] : rows) {
    CAPTURE(value);
    try {
      bench.codec.decode(value);
      FAIL("was read");
    } catch (const UnreadableCommit& e) {
      CAPTURE(e.what());
      CHECK(std::string_view(e.what()).find(reason) != std::string_view::npos);
    }
  }
}

TEST_CASE("genesis") {
  Bench bench;
  Genesis genesis;
  genesis.journal = new_uuid(bench.randomness);
  genesis.topic = "workers";
  genesis.partition = 15;
  const auto value = encode_genesis(genesis, kAt);
  const Genesis back = decode_genesis(value);
  CHECK(back.journal == genesis.journal);
  CHECK(back.topic == "workers");
  CHECK(back.partition == 15);
  CHECK(back.partitions == 16);
  CHECK(back.buckets == 1024);
  const Commit commit = bench.codec.decode(value);
  CHECK(commit.seq == 0);
  CHECK(commit.at == kAt);
  CHECK(commit.events.empty());

  CHECK_THROWS_AS(decode_genesis(*bench.codec.encode(sample_commit())), UnreadableCommit);
  CHECK_THROWS_WITH_AS(decode_genesis(replaced(value, R"("format":1)", R"("format":2)")),
                       "the journal has format 2, this program reads 1", UnreadableCommit);
  CHECK_THROWS_AS(decode_genesis(replaced(value, "\"prev\":\"0", "\"prev\":\"1")), UnreadableCommit);
}

TEST_CASE("a UUID says that it is random") {
  for (int i = 0; i < 100; ++i) {
    const auto uuid = new_uuid(system_randomness());
    REQUIRE(uuid.size() == 36);
    CHECK(uuid[8] == '-');
    CHECK(uuid[14] == '4');
    CHECK(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
  }
  CHECK(new_uuid(system_randomness()) != new_uuid(system_randomness()));
}

// --- upcasting, on toys ---

struct LampLitV1 {
  static constexpr std::string_view kType = "lamp.lit";
  static constexpr int kSchema = 1;
  std::string colour;
};
BOOST_DESCRIBE_STRUCT(LampLitV1, (), (colour))
struct LampLitV2 {
  static constexpr std::string_view kType = "lamp.lit";
  static constexpr int kSchema = 2;
  std::string colour;
  std::int64_t watts = 0;
};
BOOST_DESCRIBE_STRUCT(LampLitV2, (), (colour, watts))
struct LampLit {
  static constexpr std::string_view kType = "lamp.lit";
  static constexpr int kSchema = 3;
  std::string colour;
  std::int64_t milliwatts = 0;
};
BOOST_DESCRIBE_STRUCT(LampLit, (), (colour, milliwatts))
struct LampBroken {
  static constexpr std::string_view kType = "lamp.broken";
  static constexpr int kSchema = 1;
};
BOOST_DESCRIBE_STRUCT(LampBroken, (), ())

struct Lamp1To2 {
  using From = LampLitV1;
  static LampLitV2 upcast(LampLitV1 old) { return {std::move(old.colour), 60}; }
};
struct Lamp2To3 {
  using From = LampLitV2;
  static LampLit upcast(LampLitV2 old) { return {std::move(old.colour), old.watts * 1000}; }
};
using LampEvent = std::variant<LampBroken, LampLit>;
using LampUpcasters = codec::Upcasters<Lamp1To2, Lamp2To3>;

TEST_CASE("older schemas are brought up to today's, step by step") {
  struct Row {
    int schema;
    std::string_view data;
    std::int64_t milliwatts;
  };
  for (const auto& [schema, data, milliwatts] :
       {Row{1, R"({"colour":"red"})", 60'000}, Row{2, R"({"colour":"red","watts":5})", 5'000},
        Row{3, R"({"colour":"red","milliwatts":7})", 7}}) {
    CAPTURE(schema);
    const codec::JsonDocument document(data);
    LampEvent event;
    std::vector<codec::FieldError> errors;
    REQUIRE(codec::read_event(LampUpcasters{}, "lamp.lit", schema, document, document.root(), event,
                              errors) == codec::EventLookup::found);
    CHECK(errors.empty());
    CHECK(std::get<LampLit>(event).colour == "red");
    CHECK(std::get<LampLit>(event).milliwatts == milliwatts);
  }
}

TEST_CASE("an unknown schema is told apart from an unknown type") {
  const codec::JsonDocument document("{}");
  LampEvent event;
  std::vector<codec::FieldError> errors;
  const auto look_up = [&](std::string_view type, int schema) {
    return codec::read_event(LampUpcasters{}, type, schema, document, document.root(), event, errors);
  };
  CHECK(look_up("lamp.lit", 4) == codec::EventLookup::unknown_schema);
  CHECK(look_up("lamp.sold", 1) == codec::EventLookup::unknown_type);
  CHECK(look_up("lamp.broken", 1) == codec::EventLookup::found);
  CHECK(errors.empty());
  CHECK(look_up("lamp.lit", 2) == codec::EventLookup::found);
  CHECK(errors.size() == 2);  // fields of that schema
}

}  // namespace
}  // namespace groundtruth::journal::test
