// Whatever is written is read back as it was, for values at random. SEED repeats a run.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "journal/codec/json_reader.hpp"
#include "tests/unit/journal/codec_support.hpp"

namespace groundtruth::journal::test {
namespace {

using namespace domain;

class Values {
 public:
  explicit Values(std::uint64_t seed) : engine_(seed) {}

  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  bool coin() { return number(0, 1) == 1; }

  std::string text() {
    static const std::vector<std::string> pieces{"a",    "Z", " ", "\"", "\\",     "/",  "\n", "\t",
                                                 "\x1f", "{", "}", ",",  "\u00e9", "街", "🚶", "\u2028"};
    std::string out;
    for (auto n = number(0, 20); n > 0; --n) out += pieces[static_cast<std::size_t>(number(0, 15))];
    return out;
  }
  Cents cents() { return {number(-(std::int64_t{1} << 53), std::int64_t{1} << 53)}; }
  Timestamp time() { return {number(0, 253'402'300'799'999)}; }
  template <class E>
  E any() {
    constexpr auto& all = codec::detail::kEnumerators<E>;
    return all[static_cast<std::size_t>(number(0, static_cast<std::int64_t>(all.size()) - 1))].value;
  }
  template <class E>
  std::vector<E> some() {
    std::vector<E> out;
    for (auto n = number(0, 4); n > 0; --n) out.push_back(any<E>());
    return out;
  }
  JsonObject object() {
    std::map<std::string, std::vector<std::string>> members;
    for (auto n = number(0, 20); n > 0; --n)
      members[text()] = std::vector<std::string>(static_cast<std::size_t>(number(0, 2)), text());
    return {codec::to_json(members)};
  }
  template <class T>
  std::optional<T> maybe(T value) {
    return coin() ? std::optional<T>(std::move(value)) : std::nullopt;
  }

  Area area() {
    return {{number(-90'000'000, 90'000'000), number(-180'000'000, 180'000'000)}, number(0, 20'000)};
  }
  std::optional<Requirements> requirements() { return maybe(Requirements{{text()}, maybe(area())}); }
  std::optional<Sealed<Area>> sealed_area() { return maybe(Sealed<Area>{area()}); }

  Event event() {
    switch (number(0, 9)) {
      case 0:
        return AccountCreated{{text()}, any<Surface>(), {text()}, {text()}, {text()}};
      case 1:
        return ApiKeyCreated{{text()}, {text()}, text(), some<Scope>(), text(), text(), maybe(time())};
      case 2: {
        WalletPosted posted{{text()}, any<PostingReason>(), text(), {}};
        for (auto n = number(0, 5); n > 0; --n) posted.entries.push_back({any<LedgerAccount>(), cents()});
        return posted;
      }
      case 3:
        return TaskCreated{
            {text()},           {text()},      text(),         text(),   some<Modality>(), cents(),
            number(0, 1 << 30), maybe(time()), requirements(), object(), {text()},         text(),
            maybe(time())};
      case 4:
        return TaskCancelled{{text()}, any<CancelReason>(), cents()};
      case 6:
        return TaskExpired{{text()}, cents()};
      case 5: {
        CommandRejected rejected{{any<RejectionCode>(), {}, {}}};
        for (auto n = number(0, 3); n > 0; --n) {
          rejected.rejection.numbers[text()] = cents().value;
          rejected.rejection.words[text()] = text();
        }
        return rejected;
      }
      case 7: {
        SubmissionCreated created{{text()}, {text()}, {text()}, {text()}, {text()}, {}, time()};
        for (auto n = number(0, 3); n > 0; --n)
          created.media.push_back({text(), number(0, 1 << 30), text(), maybe(number(0, 1 << 30))});
        return created;
      }
      case 8:
        return WorkerProfileChanged{
            {text()}, {text()}, {{text(), text()}}, {some<Modality>()}, sealed_area()};
      default:
        return ApiKeyUsed{time()};
    }
  }

  Commit commit() {
    Commit out;
    out.seq = static_cast<std::uint64_t>(number(1, std::int64_t{1} << 53));
    for (auto& byte : out.prev.bytes) byte = static_cast<std::uint8_t>(number(0, 255));
    out.at = time();
    out.actor = {any<ActorKind>(), text(), text()};
    out.command = {{text()}, text(), maybe(KeyedRequest{text(), text(), text()})};
    out.cause = maybe(Cause{{Topic::runs, static_cast<std::uint16_t>(number(0, 15))},
                            static_cast<std::uint64_t>(number(0, 1 << 30)),
                            static_cast<std::uint32_t>(number(0, 99)),
                            text()});
    for (auto n = number(0, 4); n > 0; --n)
      out.events.push_back({text(), static_cast<std::uint32_t>(number(1, 1 << 30)), event()});
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

TEST_CASE("commits at random come back as they were") {
  CAPTURE(seed());
  Values values(seed());
  const auto keys = std::shared_ptr<KeyStore>(make_memory_key_store(system_randomness()));
  const CommitCodec codec(std::string(kJournal), keys, system_randomness());
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    const Commit commit = values.commit();
    const auto bytes = codec.encode(commit);
    CAPTURE(*bytes);
    const Commit back = codec.decode(*bytes);
    REQUIRE(back.seq == commit.seq);
    REQUIRE(back.prev == commit.prev);
    REQUIRE(back.at == commit.at);
    REQUIRE(back.actor == commit.actor);
    REQUIRE(back.command.id == commit.command.id);
    REQUIRE(back.command.keyed == commit.command.keyed);
    REQUIRE(back.cause.has_value() == commit.cause.has_value());
    REQUIRE(back.events.size() == commit.events.size());
    for (std::size_t i = 0; i < back.events.size(); ++i) {
      REQUIRE(back.events[i].stream == commit.events[i].stream);
      REQUIRE(back.events[i].version == commit.events[i].version);
      REQUIRE(plain_text(back.events[i].data) == plain_text(commit.events[i].data));
    }
  }
}

TEST_CASE("aggregate states at random come back as they were") {
  CAPTURE(seed());
  Values values(seed() + 1);
  for (int round = 0; round < 500; ++round) {
    Task task;
    task.id = {values.text()};
    task.status = values.any<TaskStatus>();
    task.title = values.text();
    task.modalities = values.some<Modality>();
    task.reward_cents = values.cents();
    task.deadline = values.maybe(values.time());
    task.metadata = values.object();
    task.created_at = values.time();
    task.closed_at = values.maybe(values.time());
    const auto text = codec::to_json(task);
    CAPTURE(text);
    const auto back = codec::decode_json<Task>(text, codec::kStoredLimits);
    REQUIRE(back);
    REQUIRE(codec::to_json(*back.value) == text);
  }
}

TEST_CASE("white space between tokens changes nothing") {
  CAPTURE(seed());
  Values values(seed() + 2);
  for (int round = 0; round < 500; ++round) {
    const auto text = values.object().text;
    std::string spaced;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (!in_string) spaced += values.coin() ? " \n" : "\t\r";
      spaced += c;
      if (c == '\\')
        spaced += text[++i];
      else if (c == '"')
        in_string = !in_string;
    }
    const auto back = codec::decode_json<JsonObject>(spaced);
    REQUIRE(back);
    REQUIRE(back.value->text == text);
  }
}

TEST_CASE("damaged text never gets past the reader as something else") {
  CAPTURE(seed());
  Values values(seed() + 3);
  const auto good = codec::to_json(std::get<TaskCreated>(sample_events()[8].data));
  for (int round = 0; round < 20'000; ++round) {
    auto text = good;
    for (auto n = values.number(1, 3); n > 0; --n)
      text[static_cast<std::size_t>(values.number(0, static_cast<std::int64_t>(text.size()) - 1))] =
          static_cast<char>(values.number(0, 255));
    const auto result = codec::decode_json<TaskCreated>(text);
    REQUIRE(result.value.has_value() == (!result.not_json && result.errors.empty()));
    if (!result) continue;
    const auto again = codec::to_json(*result.value);
    const auto back = codec::decode_json<TaskCreated>(again);
    REQUIRE(back);
    REQUIRE(codec::to_json(*back.value) == again);
  }
}

}  // namespace
}  // namespace groundtruth::journal::test
