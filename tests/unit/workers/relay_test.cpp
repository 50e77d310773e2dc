// Effects on their way to other chains: each once, in order, whatever stops, is lost, or does not answer.
#include "workers/relay/relay.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <set>
#include <thread>

#include "tests/unit/workers/chains.hpp"
#include "tests/unit/workers/media_support.hpp"
#include "workers/relay/settle_work.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using adapters::testing::TemporaryFolder;
using journal::AnswerKind;
using journal::Partition;
using journal::Topic;

namespace {

constexpr std::uint16_t kTargets = 3;
constexpr Partition kSource{Topic::tasks, 1}, kOtherSource{Topic::tasks, 2};

journal::Answer done_well() {
  journal::Answer answer;
  answer.kind = AnswerKind::accepted;
  return answer;
}

WorkerId worker_in(std::uint16_t bucket) {
  return new_id<WorkerId>("wrk_", {1}, Bucket{bucket}, {1, 1});
}

// An approval whose reward says which one it is.
Event approval(std::uint16_t target, std::int64_t number) {
  return SubmissionApproved{{"sub"}, {"asg"}, {"tsk"}, {"org"}, worker_in(target), Approver::customer,
                            {number}};
}

// Where effects arrive: keeps the highest source position of each lane, as a chain's writer does.
class Target {
 public:
  enum class Outcome { fresh, known, refused };  // refused: without the one that it goes behind
  Outcome execute(const journal::Submission& submission) {
    const auto& command = std::get<SettleWork>(submission.command);
    const auto lane = std::pair(submission.cause->source, submission.partition);
    auto& mark = marks_[lane];
    if (journal::mark_of(*submission.cause) <= mark) return Outcome::known;
    if (mark < submission.behind) return Outcome::refused;
    mark = journal::mark_of(*submission.cause);
    effects[lane].push_back(command.earned_cents.value);
    return Outcome::fresh;
  }
  using Lane = std::pair<Partition, Partition>;
  std::map<Lane, std::vector<std::int64_t>> effects;  // by number, in the order of arrival

 private:
  std::map<Lane, std::optional<journal::RelayMark>> marks_;
};

struct RelayDesk {
  explicit RelayDesk(std::size_t max_open = 4'096, std::size_t in_flight = 1)
      : max_open(max_open), in_flight(in_flight) {
    for (const auto source : {kSource, kOtherSource}) chains.genesis(source);
    start();
  }
  ~RelayDesk() { relay.reset(); }

  void start() {
    RelayOptions options;
    options.name = kSettleRelay;
    options.following.checkpoint_file = file();
    options.following.markers = settle_markers();
    options.following.max_open = max_open;
    options.in_flight = in_flight;
    relay = std::make_unique<Relay>(
        settle_effect, [this](journal::Submission submission) { submitted.push_back(std::move(submission)); },
        chains.journal(), chains.codec(), clock, randomness, executor, duties, std::move(options));
    duties.start();
    relay->start();
    run();
  }
  void run() { executor.run(clock.steady()); }
  void pass(std::chrono::milliseconds time) {
    clock.steady_ms += time.count();
    run();
  }
  journal::Accepted approve(Partition source, std::uint16_t target) {
    const std::int64_t number = ++numbers[{source, {Topic::workers, target}}];
    return chains.append(source, {approval(target, number)});
  }
  void observe(const journal::Accepted& accepted) {
    relay->observe(accepted);
    run();
  }
  // Answers the oldest submission that waits.
  journal::Submission answer(AnswerKind kind) {
    REQUIRE_FALSE(submitted.empty());
    auto submission = std::move(submitted.front());
    submitted.pop_front();
    journal::Answer answer;
    answer.kind = kind;
    submission.done(answer);
    run();
    return submission;
  }
  std::filesystem::path file() const { return folder.path() / "relay.json"; }

  TemporaryFolder folder;
  Chains chains;
  FakeClock clock;
  FakeRandomness randomness;
  FakeExecutor executor;
  FakeDuties duties;
  const std::size_t max_open, in_flight;
  std::map<Target::Lane, std::int64_t> numbers;
  std::deque<journal::Submission> submitted;  // not answered
  std::unique_ptr<Relay> relay;
};

}  // namespace

TEST_CASE("settle: what a customer's decision means to the worker") {
  const auto worker = worker_in(5);
  const auto command_of = [](const Event& event) {
    return std::get<SettleWork>(settle_effect(event)->command);
  };
  const auto approved = settle_effect(approval(5, 250));
  REQUIRE(approved);
  CHECK(approved->target == Partition{Topic::workers, 5});
  CHECK(command_of(approval(5, 250)).outcome == WorkOutcome::approved);
  CHECK(command_of(approval(5, 250)).earned_cents == Cents{250});
  CHECK(command_of(approval(5, 250)).worker == worker);
  const Event rejected = SubmissionRejected{{"sub"}, {"asg"}, {"tsk"}, {"org"}, worker, "no"};
  CHECK(command_of(rejected).outcome == WorkOutcome::rejected);
  CHECK(command_of(rejected).earned_cents == Cents{0});
  const Event lapsed = LeaseEnded{{"asg"}, {"tsk"}, worker, LeaseEnd::expired};
  CHECK(command_of(lapsed).outcome == WorkOutcome::lapsed);
  CHECK(command_of(lapsed).assignment == AssignmentId{"asg"});
  CHECK_FALSE(settle_effect(LeaseEnded{{"asg"}, {"tsk"}, worker, LeaseEnd::released}));
  CHECK_FALSE(settle_effect(TaskCompleted{{"tsk"}, 1}));
  CHECK_FALSE(settle_effect(WorkSettled{worker, {}, {}, WorkOutcome::approved, {1}}));
}

TEST_CASE("relay: an effect names its cause, goes to its partition, and is made by the relay") {
  RelayDesk desk;
  desk.observe(desk.chains.append(kSource, {TaskCompleted{{"tsk"}, 1}, approval(2, 250), approval(2, 300)}));
  REQUIRE(desk.submitted.size() == 1);
  const auto first = desk.answer(AnswerKind::accepted);
  CHECK(first.partition == Partition{Topic::workers, 2});
  CHECK(first.actor.kind == journal::ActorKind::system);
  CHECK(first.actor.id == "settle");
  REQUIRE(first.cause);
  CHECK(first.cause->source == kSource);
  CHECK(first.cause->seq == 1);
  CHECK(first.cause->event == 1);
  CHECK(first.cause->effect == "settle.0");
  REQUIRE(desk.submitted.size() == 1);
  const auto second = desk.answer(AnswerKind::accepted);
  CHECK(second.cause->event == 2);
  CHECK(second.id != first.id);
  CHECK(desk.relay->carried() == 2);
  CHECK(desk.relay->waiting() == 0);
}

TEST_CASE("relay: each pair of partitions is a lane of its own, and in a lane one goes after the other") {
  RelayDesk desk;
  for (int i = 0; i < 3; ++i)
    for (const auto source : {kSource, kOtherSource})
      for (std::uint16_t target = 0; target < kTargets; ++target) desk.observe(desk.approve(source, target));
  CHECK(desk.submitted.size() == 2 * kTargets);
  // One lane gets no answer; the others come to their end.
  const auto stuck = std::move(desk.submitted.front());
  desk.submitted.pop_front();
  int answered = 0;
  for (; !desk.submitted.empty(); ++answered) desk.answer(AnswerKind::accepted);
  CHECK(answered == 3 * (2 * kTargets - 1));
  CHECK(desk.relay->waiting() == 3);
  stuck.done(done_well());
  desk.run();
  while (!desk.submitted.empty()) desk.answer(AnswerKind::accepted);
  CHECK(desk.relay->waiting() == 0);
}

TEST_CASE("relay: a refusal is an answer; what may not have happened is sent again") {
  struct Row {
    AnswerKind kind;
    bool again;
  };
  for (const auto& [kind, again] : {Row{AnswerKind::accepted, false}, Row{AnswerKind::rejected, false},
                                    Row{AnswerKind::unavailable, true}, Row{AnswerKind::unknown, true}}) {
    RelayDesk desk;
    desk.observe(desk.approve(kSource, 0));
    desk.observe(desk.approve(kSource, 0));
    const auto first = desk.answer(kind);
    if (!again) {
      REQUIRE(desk.submitted.size() == 1);
      CHECK(desk.submitted.front().cause->seq == 2);
      continue;
    }
    CHECK(desk.submitted.empty());
    desk.pass(std::chrono::milliseconds(999));
    CHECK(desk.submitted.empty());
    desk.pass(std::chrono::milliseconds(1));
    REQUIRE(desk.submitted.size() == 1);
    CHECK(desk.submitted.front().cause->seq == 1);
    CHECK(desk.relay->carried() == 0);
    desk.answer(AnswerKind::accepted);
    CHECK(desk.submitted.front().cause->seq == 2);
  }
}

TEST_CASE(
    "relay: several go behind each other; what one that was refused leaves behind is sent again with it") {
  RelayDesk desk(4'096, 3);
  for (int i = 0; i < 5; ++i) desk.observe(desk.approve(kSource, 0));
  REQUIRE(desk.submitted.size() == 3);
  CHECK_FALSE(desk.submitted[0].behind);  // nothing before it that is not answered
  CHECK(desk.submitted[1].behind == journal::RelayMark{1, 0});
  CHECK(desk.submitted[2].behind == journal::RelayMark{2, 0});
  desk.answer(AnswerKind::accepted);
  REQUIRE(desk.submitted.size() == 3);
  CHECK(desk.submitted[2].behind == journal::RelayMark{3, 0});

  // 2 is refused, so 3 is; nobody can say of 4. Nothing is sent while something of it is on its way.
  desk.answer(AnswerKind::unavailable);
  desk.answer(AnswerKind::unavailable);
  desk.pass(std::chrono::seconds(5));
  REQUIRE(desk.submitted.size() == 1);
  desk.answer(AnswerKind::unknown);
  REQUIRE(desk.submitted.size() == 3);
  CHECK(desk.submitted[0].cause->seq == 2);
  CHECK_FALSE(desk.submitted[0].behind);
  CHECK(desk.submitted[1].behind == journal::RelayMark{2, 0});
  CHECK(desk.relay->carried() == 1);

  // The last answer comes first: what is taken waits for those before it.
  std::swap(desk.submitted[0], desk.submitted[2]);
  desk.answer(AnswerKind::accepted);
  CHECK(desk.relay->carried() == 1);
  CHECK(desk.submitted.size() == 2);
  desk.answer(AnswerKind::accepted);
  desk.answer(AnswerKind::accepted);
  CHECK(desk.relay->carried() == 4);
  REQUIRE(desk.submitted.size() == 1);
  CHECK(desk.submitted[0].cause->seq == 5);
  CHECK_FALSE(desk.submitted[0].behind);
}

TEST_CASE("relay: its place never passes an effect that was not answered") {
  RelayDesk desk;
  for (int i = 0; i < 4; ++i) desk.observe(desk.approve(kSource, static_cast<std::uint16_t>(i % 2)));
  // Lane 0 has commits 1 and 3, lane 1 has 2 and 4; lane 0 gets no answer.
  const auto stuck = std::move(desk.submitted.front());
  desk.submitted.pop_front();
  desk.answer(AnswerKind::accepted);
  desk.answer(AnswerKind::accepted);
  desk.pass(std::chrono::seconds(2));  // its place is written
  desk.relay->stop();
  desk.submitted.clear();
  desk.start();
  std::set<std::uint64_t> again;
  while (!desk.submitted.empty()) again.insert(desk.answer(AnswerKind::accepted).cause->seq);
  CHECK(again == std::set<std::uint64_t>{1, 3});
  desk.relay->stop();
  desk.start();
  CHECK(desk.submitted.empty());
}

TEST_CASE("relay: it carries from partitions of its own, and lets go of one that it loses") {
  RelayDesk desk;
  desk.duties.give(kSource, false);
  for (int i = 0; i < 3; ++i) desk.observe(desk.approve(kSource, 0));
  CHECK(desk.submitted.empty());
  desk.duties.give(kSource, true);
  desk.run();
  REQUIRE(desk.submitted.size() == 1);
  CHECK(desk.submitted.front().cause->seq == 1);
  CHECK(desk.relay->waiting() == 3);

  desk.duties.give(kSource, false);  // the first one is on its way
  CHECK(desk.relay->waiting() == 0);
  Target target;
  target.execute(desk.submitted.front());
  SUBCASE("answered") {
    desk.answer(AnswerKind::accepted);
    CHECK(desk.submitted.empty());
  }
  SUBCASE("not answered") {
    desk.answer(AnswerKind::unavailable);
    desk.pass(std::chrono::seconds(2));
    CHECK(desk.submitted.empty());
  }
  SUBCASE("not answered yet when it is gained back") {}
  desk.duties.give(kSource, true);
  desk.run();
  for (; !desk.submitted.empty(); desk.answer(AnswerKind::accepted)) {
    REQUIRE(desk.submitted.size() == 1);
    target.execute(desk.submitted.front());
  }
  CHECK(target.effects[{kSource, {Topic::workers, 0}}] == std::vector<std::int64_t>{1, 2, 3});
  CHECK(desk.relay->waiting() == 0);
}

TEST_CASE("relay: what it had not looked at when its partition was lost does not overtake what it lets go") {
  for (const auto in_flight : {std::size_t{1}, std::size_t{2}}) {
    RelayDesk desk(4'096, in_flight);
    Target target;
    for (int i = 0; i < 4; ++i) desk.observe(desk.approve(kSource, 0));
    desk.relay->observe(desk.approve(kSource, 0));  // the relay has no turn in between
    desk.duties.give(kSource, false);
    desk.duties.give(kSource, true);
    desk.run();
    for (; !desk.submitted.empty(); desk.answer(AnswerKind::accepted))
      REQUIRE(target.execute(desk.submitted.front()) != Target::Outcome::refused);
    CHECK(target.effects[{kSource, {Topic::workers, 0}}] == std::vector<std::int64_t>{1, 2, 3, 4, 5});
    CHECK(desk.relay->waiting() == 0);
  }
}

TEST_CASE("relay: what waits to be sent again is not overtaken either when its partition is lost meanwhile") {
  RelayDesk desk(4'096, 3);
  Target target;
  for (int i = 0; i < 3; ++i) desk.observe(desk.approve(kSource, 0));
  for (int i = 0; i < 3; ++i) desk.answer(AnswerKind::unavailable);
  desk.clock.steady_ms += 1'000;  // it is time, and nothing ran yet
  desk.relay->observe(desk.approve(kSource, 0));
  desk.duties.give(kSource, false);
  desk.run();
  CHECK(desk.submitted.empty());
  desk.duties.give(kSource, true);
  desk.run();
  for (; !desk.submitted.empty(); desk.answer(AnswerKind::accepted))
    REQUIRE(target.execute(desk.submitted.front()) != Target::Outcome::refused);
  CHECK(target.effects[{kSource, {Topic::workers, 0}}] == std::vector<std::int64_t>{1, 2, 3, 4});
}

TEST_CASE("relay: what was refused behind one that was taken goes again at once") {
  // A writer that takes only what goes behind nothing, as one that does not know the order of effects does.
  RelayDesk desk(4'096, 3);
  for (int i = 0; i < 4; ++i) desk.observe(desk.approve(kSource, 0));
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    REQUIRE(desk.submitted.size() == std::min<std::size_t>(3, 5 - seq));
    CHECK(desk.submitted.front().cause->seq == seq);
    CHECK_FALSE(desk.submitted.front().behind);
    desk.answer(AnswerKind::accepted);
    for (auto left = desk.submitted.size(); left > 0; --left) {
      CHECK(desk.submitted.front().behind);
      desk.answer(AnswerKind::unavailable);
    }
  }
  CHECK(desk.relay->carried() == 4);
  SUBCASE("and where nothing was taken, only after a while") {
    desk.observe(desk.approve(kSource, 0));
    desk.answer(AnswerKind::unavailable);
    REQUIRE(desk.submitted.size() == 1);
    desk.answer(AnswerKind::unavailable);
    CHECK(desk.submitted.empty());
    desk.pass(std::chrono::seconds(1));
    CHECK(desk.submitted.size() == 1);
  }
}

TEST_CASE("relay: once stopped it submits nothing, and an answer finds nobody") {
  RelayDesk desk;
  desk.observe(desk.approve(kSource, 0));
  desk.observe(desk.approve(kSource, 0));
  auto under_way = std::move(desk.submitted.front());
  desk.submitted.clear();
  SUBCASE("stopped") {
    desk.relay->stop();
  }
  SUBCASE("gone") {
    desk.relay.reset();
  }
  under_way.done(done_well());
  desk.pass(std::chrono::seconds(60));
  CHECK(desk.submitted.empty());
}

TEST_CASE("relay: it holds no more than it may, and comes to the end all the same") {
  RelayDesk desk(5);
  for (int i = 0; i < 100; ++i) {
    const auto accepted = desk.approve(kSource, static_cast<std::uint16_t>(i % kTargets));
    desk.observe(accepted);
    REQUIRE(desk.relay->waiting() <= 5 * kTargets);
  }
  Target target;
  while (!desk.submitted.empty()) {
    target.execute(desk.submitted.front());
    desk.answer(AnswerKind::accepted);
    REQUIRE(desk.relay->waiting() <= 5 * kTargets);
  }
  CHECK(desk.relay->carried() == 100);
}

TEST_CASE("relay: a target that takes nothing holds up its own lanes, and no other") {
  constexpr std::size_t kLane = 4;
  constexpr std::uint16_t kStuck = 1;
  RelayDesk desk(kLane);
  Target target;
  // Answers all that can be answered, in turns; those for the stuck target get none.
  std::deque<journal::Submission> stuck;
  const auto answer_the_others = [&] {
    while (!desk.submitted.empty()) {
      if (desk.submitted.front().partition.number == kStuck) {
        stuck.push_back(std::move(desk.submitted.front()));
        desk.submitted.pop_front();
        continue;
      }
      target.execute(desk.submitted.front());
      desk.answer(AnswerKind::accepted);
    }
  };
  const auto count_of = [&](Partition source, std::uint16_t number) {
    return target.effects[{source, {Topic::workers, number}}].size();
  };
  constexpr int kEach = 700;  // more than one reading of the journal brings
  for (int i = 0; i < kEach; ++i) {
    for (const auto source : {kSource, kOtherSource})
      for (std::uint16_t number = 0; number < kTargets; ++number) desk.observe(desk.approve(source, number));
    if (i % 3 == 0) answer_the_others();
    REQUIRE(desk.relay->waiting() <= kLane * 2 * kTargets);
  }
  answer_the_others();
  for (const auto source : {kSource, kOtherSource}) {
    CHECK(count_of(source, 0) == kEach);
    CHECK(count_of(source, 2) == kEach);
    CHECK(count_of(source, kStuck) == 0);
  }
  CHECK(stuck.size() == 2);
  CHECK(desk.relay->waiting() == 2 * kLane);

  SUBCASE("and once it takes them again it gets all, in order") {
    for (auto& submission : stuck) desk.submitted.push_back(std::move(submission));
  }
  SUBCASE("also after a stop, which keeps each lane's own place") {
    desk.relay.reset();
    desk.start();
    std::set<std::uint16_t> asked;
    for (const auto& submission : desk.submitted) asked.insert(submission.partition.number);
    CHECK(asked == std::set<std::uint16_t>{kStuck});
  }
  while (!desk.submitted.empty()) {
    target.execute(desk.submitted.front());
    desk.answer(AnswerKind::accepted);
    REQUIRE(desk.relay->waiting() <= kLane * 2 * kTargets);
  }
  CHECK(desk.relay->waiting() == 0);
  for (const auto& [lane, count] : desk.numbers) {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 1; i <= count; ++i) all.push_back(i);
    CHECK(target.effects[lane] == all);
  }
}

// Restarts at any point, with a checkpoint of any age; sources gained and lost; targets that execute without
// answering, answer without executing, or refuse.
TEST_CASE("relay: nothing is lost, repeated or reordered, whatever happens") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const auto upto = [&](std::uint64_t bound) { return dice() % bound; };
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    RelayDesk desk(1 + upto(12), 1 + upto(5));
    Target target;
    std::vector<journal::Accepted> accepted;  // not observed yet
    const auto observe = [&] {
      for (const auto& one : std::exchange(accepted, {})) desk.relay->observe(one);
    };
    for (int step = 0; step < 250; ++step) {
      switch (upto(12)) {
        case 0:
          if (upto(4) > 0) break;
          if (upto(2) == 0) {
            desk.relay.reset();  // writes its place
          } else {               // a crash: the file is as old as it was
            const auto kept = desk.folder.path() / "kept";
            std::error_code none;
            std::filesystem::copy_file(desk.file(), kept, std::filesystem::copy_options::overwrite_existing,
                                       none);
            desk.relay.reset();
            std::filesystem::remove(desk.file());
            if (!none) std::filesystem::rename(kept, desk.file());
          }
          if (upto(4) == 0) std::filesystem::remove(desk.file());
          // What was under way may still arrive, in the order of each lane.
          while (!desk.submitted.empty()) {
            if (upto(2) == 0) target.execute(desk.submitted.front());
            desk.submitted.pop_front();
          }
          accepted.clear();
          desk.start();
          break;
        case 1:
          desk.pass(std::chrono::milliseconds(upto(1'500)));
          break;
        case 2:
          if (upto(3) == 0) desk.duties.give(upto(2) == 0 ? kSource : kOtherSource, upto(2) == 0);
          observe();
          break;
        case 3:
          accepted.push_back(
              desk.chains.append(upto(2) == 0 ? kSource : kOtherSource, {TaskCompleted{{"tsk"}, 1}}));
          break;
        case 4:
        case 5:
        case 6: {
          const auto source = upto(2) == 0 ? kSource : kOtherSource;
          accepted.push_back(desk.approve(source, static_cast<std::uint16_t>(upto(kTargets))));
          if (upto(5) == 0) desk.chains.orphan(source);
          break;
        }
        default: {
          if (desk.submitted.empty()) break;
          // Any lane may answer first, and in a lane any effect.
          std::rotate(desk.submitted.begin(),
                      desk.submitted.begin() + static_cast<std::ptrdiff_t>(upto(desk.submitted.size())),
                      desk.submitted.end());
          const AnswerKind kinds[] = {AnswerKind::accepted, AnswerKind::accepted, AnswerKind::rejected,
                                      AnswerKind::unavailable, AnswerKind::unknown};
          auto kind = kinds[upto(5)];
          const bool executed = kind == AnswerKind::accepted || kind == AnswerKind::rejected ||
                                (kind == AnswerKind::unknown && upto(2) == 0);
          if (executed && target.execute(desk.submitted.front()) == Target::Outcome::refused)
            kind = AnswerKind::unavailable;
          desk.answer(kind);
        }
      }
      if (upto(2) == 0) desk.run();
      std::map<Target::Lane, std::size_t> lanes;
      for (const auto& submission : desk.submitted)
        REQUIRE(++lanes[{submission.cause->source, submission.partition}] <= desk.in_flight);
      REQUIRE(desk.relay->waiting() <= desk.max_open * 2 * kTargets);
    }
    observe();
    for (const auto source : {kSource, kOtherSource}) desk.duties.give(source, true);
    desk.pass(std::chrono::seconds(5));
    while (!desk.submitted.empty()) {
      const bool refused = target.execute(desk.submitted.front()) == Target::Outcome::refused;
      desk.answer(refused ? AnswerKind::unavailable : AnswerKind::accepted);
      desk.pass(std::chrono::seconds(2));
    }
    REQUIRE(desk.relay->waiting() == 0);
    for (const auto& [lane, count] : desk.numbers) {
      std::vector<std::int64_t> all;
      for (std::int64_t i = 1; i <= count; ++i) all.push_back(i);
      REQUIRE(target.effects[lane] == all);
    }
  }
}

TEST_CASE("relay: observed on one thread, answered on another, stopped from a third") {
  TemporaryFolder folder;
  Chains chains;
  FakeRandomness randomness;
  FakeDuties duties;
  Target target;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t executed = 0;
  constexpr std::size_t kCommits = 600;
  std::vector<journal::Accepted> commits;
  for (std::size_t i = 0; i < kCommits; ++i)
    commits.push_back(chains.append(kSource, {approval(static_cast<std::uint16_t>(i % kTargets), 1)}));
  const auto turning = journal::make_thread_executor("relay");
  const auto answering = journal::make_thread_executor("answers");  // ends first: it posts to the other
  const auto submit = [&](journal::Submission submission) {
    auto shared = std::make_shared<journal::Submission>(std::move(submission));
    answering->post([&, shared] {
      {
        const std::lock_guard lock(mutex);
        executed += target.execute(*shared) == Target::Outcome::fresh;
      }
      changed.notify_all();
      shared->done(done_well());
    });
  };
  const auto begin = [&] {
    RelayOptions options;
    options.name = kSettleRelay;
    options.following.checkpoint_file = folder.path() / "relay.json";
    options.following.markers = settle_markers();
    options.following.max_open = 32;
    options.checkpoint_interval = std::chrono::milliseconds(1);
    auto relay =
        std::make_unique<Relay>(settle_effect, submit, chains.journal(), chains.codec(),
                                journal::system_clock(), randomness, *turning, duties, std::move(options));
    duties.start();
    relay->start();
    return relay;
  };
  for (const std::size_t wanted : {kCommits / 3, 2 * kCommits / 3, kCommits}) {
    const auto relay = begin();
    std::thread observer([&] {
      for (const auto& accepted : commits) relay->observe(accepted);
    });
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return executed >= wanted; });
    }
    relay->stop();
    observer.join();
  }
  const std::lock_guard lock(mutex);
  CHECK(executed == kCommits);
}
