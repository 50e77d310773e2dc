// The writer step by step, at a port that only writes down what it is asked for.
#include "journal/writer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "protocol_sim.hpp"

namespace groundtruth::journal::sim {
namespace {

struct NoRecovery : ProtocolRules {
  static constexpr bool kRecoverFromOwnOrphan = false;
};

// A writer on an empty partition, with one keyed command appended. The command is refused, for there is no
// such task; the refusal is a commit (rule 6).
template <class Rules>
struct Desk final : WriterPort {
  explicit Desk(AnswerWhen when = AnswerWhen::visible, WriterOptions options = {})
      : writer(kWhere, codec, read_models, clock, randomness, *this, false, options) {
    writer.open(Head{true, 0, CommitId{}}, clock.now());
    ask(when);
  }
  void ask(AnswerWhen when) {
    Submission submission;
    submission.id =
        domain::new_id<domain::CommandId>("cmd_", clock.now(), domain::Bucket{0}, randomness.bits());
    submission.partition = kWhere;
    submission.actor = {ActorKind::api_key, "key", account.value};
    submission.keyed = KeyedRequest{"k", "POST /x", "hash"};
    submission.command =
        domain::CancelTask{domain::TaskId{"tsk_x"}, account, domain::CancelReason::by_customer};
    submission.deadline = clock.steady() + std::chrono::seconds(10);
    submission.answer_when = when;
    submission.done = [this](const Answer& answer) {
      answers.push_back(answer.kind);
      replayed.push_back(answer.replayed);
    };
    writer.submit(std::make_shared<Submission>(std::move(submission)));
    writer.pump();
  }

  void append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) override {
    last_session = session;
    last_batch = batch;
    appended.push_back(std::move(records));
  }
  void reset_producer(std::uint64_t) override { ++resets; }
  void request_end(std::uint64_t token) override { end_token = token; }
  void wake_at(std::chrono::steady_clock::time_point) override {}
  bool log_unchanged() override { return true; }
  std::shared_ptr<const Commit> read_commit(std::uint64_t) override { return nullptr; }
  void answering_ahead(std::uint64_t seq) override { ahead.push_back(seq); }

  void accept(std::uint64_t offset) {
    const auto& bytes = appended.back().front();
    writer.on_accepted(Accepted{kWhere, offset, 1, id_of(*bytes), bytes, nullptr}, clock.now());
    writer.on_passed(offset + 1);
    writer.on_projected(1);
  }

  std::mt19937_64 random{1};
  SimClock clock;
  SimRandomness randomness{random};
  SimReadModels read_models;
  CommitCodec codec{"00000000-0000-4000-8000-000000000000", make_memory_key_store(randomness), randomness};
  domain::AccountId account =
      domain::new_id<domain::AccountId>("org_", clock.now(), domain::Bucket{0}, randomness.bits());
  std::vector<std::vector<Bytes>> appended;
  std::vector<AnswerKind> answers;
  std::vector<bool> replayed;
  std::vector<std::uint64_t> ahead;
  std::uint64_t last_session = 0, last_batch = 0, end_token = 0;
  unsigned resets = 0;
  BasicWriter<Rules> writer;
};

}  // namespace

TEST_CASE("writer: a record that was acknowledged and then passed over is appended again, byte for byte") {
  Desk<ProtocolRules> desk;
  REQUIRE(desk.appended.size() == 1);
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  desk.writer.on_passed(6);
  CHECK(desk.resets == 1);
  desk.writer.on_caught_up(desk.end_token);
  REQUIRE(desk.appended.size() == 2);
  CHECK(*desk.appended[1].front() == *desk.appended[0].front());
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 7, ""});
  desk.accept(7);
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
}

TEST_CASE("writer: an own orphan is appended again; a late copy of what was accepted is no news") {
  Desk<ProtocolRules> desk;
  desk.writer.on_orphan(id_of(*desk.appended[0].front()), 9);
  CHECK(desk.resets == 1);
  desk.writer.on_caught_up(desk.end_token);
  REQUIRE(desk.appended.size() == 2);
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 6, ""});
  desk.accept(6);
  desk.writer.on_orphan(id_of(*desk.appended[0].front()), 9);
  CHECK(desk.resets == 1);
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
}

TEST_CASE("writer: without that rule the command waits for good") {
  Desk<NoRecovery> desk;
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  desk.writer.on_passed(6);
  desk.writer.on_orphan(id_of(*desk.appended[0].front()), 9);
  CHECK(desk.resets == 0);
  CHECK(desk.appended.size() == 1);
  CHECK(desk.answers.empty());
}

TEST_CASE("writer: an answer waits for acceptance, the report and the read models") {
  Desk<ProtocolRules> desk;
  const auto& bytes = desk.appended.back().front();
  desk.writer.on_accepted(Accepted{kWhere, 5, 1, id_of(*bytes), bytes, nullptr}, desk.clock.now());
  CHECK(desk.answers.empty());
  desk.writer.on_passed(6);
  desk.writer.on_projected(1);
  CHECK(desk.answers.empty());
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
}

TEST_CASE(
    "writer: what nobody need see at once is answered when it is certain, and stays until it can be seen") {
  Desk<ProtocolRules> desk(AnswerWhen::durable);
  const auto& bytes = desk.appended.back().front();
  const bool is_awaited =
      desk.writer.on_accepted(Accepted{kWhere, 5, 1, id_of(*bytes), bytes, nullptr}, desk.clock.now());
  CHECK_FALSE(is_awaited);
  desk.writer.on_passed(6);
  CHECK(desk.answers.empty());
  CHECK(desk.ahead.empty());
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
  CHECK(desk.ahead == std::vector<std::uint64_t>{1});  // said before the answer, for those who read after it
  CHECK_FALSE(desk.writer.idle());

  desk.ask(AnswerWhen::visible);  // the same key again, and the read models cannot know it yet
  CHECK(desk.appended.size() == 1);
  CHECK(desk.answers.size() == 1);
  desk.writer.on_projected(1);
  CHECK(desk.answers == std::vector{AnswerKind::rejected, AnswerKind::rejected});
  CHECK(desk.replayed == std::vector{false, true});
  CHECK(desk.writer.idle());
}

TEST_CASE("writer: no read waits for what this process only says to itself") {
  Desk<ProtocolRules> desk(AnswerWhen::internal);
  const auto& bytes = desk.appended.back().front();
  CHECK_FALSE(
      desk.writer.on_accepted(Accepted{kWhere, 5, 1, id_of(*bytes), bytes, nullptr}, desk.clock.now()));
  desk.writer.on_passed(6);
  CHECK(desk.answers.empty());
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
  CHECK(desk.ahead.empty());
  CHECK_FALSE(desk.writer.idle());
  desk.writer.on_projected(1);
  CHECK(desk.writer.idle());
}

TEST_CASE("writer: where too much was answered that cannot be seen, answers wait") {
  WriterOptions options;
  options.max_ahead = 0;
  Desk<ProtocolRules> desk(AnswerWhen::durable, options);
  const auto& bytes = desk.appended.back().front();
  CHECK(desk.writer.on_accepted(Accepted{kWhere, 5, 1, id_of(*bytes), bytes, nullptr}, desk.clock.now()));
  desk.writer.on_passed(6);
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 5, ""});
  CHECK(desk.answers.empty());
  desk.writer.on_projected(1);
  CHECK(desk.answers == std::vector{AnswerKind::rejected});
  CHECK(desk.ahead.empty());
}

TEST_CASE("writer: a report vouches for nothing before the log was read past the place that it names") {
  Desk<ProtocolRules> desk;
  const auto& bytes = desk.appended.back().front();
  desk.writer.on_accepted(Accepted{kWhere, 5, 1, id_of(*bytes), bytes, nullptr}, desk.clock.now());
  desk.writer.on_passed(6);
  desk.writer.on_projected(1);
  SUBCASE("it names a later place: another copy landed there") {
    desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 8, ""});
    CHECK(desk.answers.empty());
    desk.writer.on_passed(9);
    desk.writer.pump();
    CHECK(desk.answers == std::vector{AnswerKind::rejected});
  }
  SUBCASE("it names an earlier place: the log lost what was read, and has not grown as far again") {
    desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::written, 4, ""});
    desk.writer.on_passed(6);
    desk.writer.pump();
    CHECK(desk.answers.empty());
  }
}

TEST_CASE("writer: past its deadline an appended command is unknown, never unavailable") {
  Desk<ProtocolRules> desk;
  desk.clock.elapsed_ms += 11'000;
  desk.writer.tick();
  CHECK(desk.answers == std::vector{AnswerKind::unknown});
}

TEST_CASE("writer: what the log surely did not write is unavailable at once") {
  Desk<ProtocolRules> desk;
  desk.writer.on_report(desk.last_session, desk.last_batch, {AppendOutcome::not_written, 0, "full"});
  CHECK(desk.answers == std::vector{AnswerKind::unavailable});
}

}  // namespace groundtruth::journal::sim
