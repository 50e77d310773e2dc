// Two processes that always have something to write to one chain, in virtual time: whatever their delays,
// neither starves; and with the rule taken away that is for such a delay, one does.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/journal/protocol_sim.hpp"

namespace groundtruth::journal::sim {
namespace {

// In milliseconds of virtual time.
struct Delays {
  std::int64_t read = 0;       // from a record's writing until it can be read here
  std::int64_t project = 0;    // from there until the read models have it
  std::int64_t runs = 1;       // how long the process runs at a time …
  std::int64_t stands = 0;     // … before it gets no processor for so long, or up to a quarter longer
  std::int64_t clock_off = 0;  // how far its clock is ahead
};

class OffClock final : public Clock {
 public:
  OffClock(const SimClock& truth, std::int64_t off_ms) : truth_(truth), off_ms_(off_ms) {}
  domain::Timestamp now() const override { return {truth_.now().ms + off_ms_}; }
  std::chrono::steady_clock::time_point steady() const override { return truth_.steady(); }

 private:
  const SimClock& truth_;
  const std::int64_t off_ms_;
};

template <class Rules>
class Contest {
 public:
  Contest(std::uint64_t seed, const Delays& first, const Delays& second)
      : random_(seed), randomness_(random_) {
    MemoryJournalOptions options;
    options.clock = &clock_;
    options.read_is_durable = false;
    options.reports = ReportMode::driven;
    journal_ = std::make_unique<MemoryJournal>(std::move(options));
    codec_ = std::make_unique<CommitCodec>("00000000-0000-4000-8000-000000000000",
                                           std::shared_ptr(make_memory_key_store(randomness_)), randomness_);
    begin_chain();
    sides_.push_back(std::make_unique<Side>(*this, first));
    sides_.push_back(std::make_unique<Side>(*this, second));
  }

  // What each side got done.
  std::pair<unsigned, unsigned> run(std::int64_t ms) {
    for (std::int64_t i = 0; i < ms; ++i) {
      ++clock_.elapsed_ms;
      ends_.push_back(journal_->end_offset(kWhere));
      for (const auto& side : sides_) side->step();
      journal_->run_reports();
    }
    return {sides_[0]->done, sides_[1]->done};
  }

 private:
  struct Side final : FollowerSink, WriterPort {
    Side(Contest& of, const Delays& own)
        : contest(of),
          delays(own),
          clock(of.clock_, own.clock_off),
          follower(kWhere, *of.journal_, *this),
          writer(kWhere, *of.codec_, models, clock, of.randomness_, *this, false, options()),
          producer(of.journal_->open_producer()) {
      follower.start({});
    }

    static WriterOptions options() {
      WriterOptions out;
      out.unseen_turn = std::chrono::milliseconds(500);  // so that the schedule need not be so long
      return out;
    }

    void step() {
      const auto now = contest.clock_.elapsed_ms;
      if (now < stands_until) return;
      if (delays.stands > 0 && ++ran > delays.runs) {
        ran = 0;
        stands_until =
            now + delays.stands +
            static_cast<std::int64_t>(contest.random_() % static_cast<std::uint64_t>(delays.stands / 4 + 1));
      }
      const auto readable = contest.end_at(now - delays.read);
      if (readable > follower.next_offset()) follower.poll(readable - follower.next_offset());
      REQUIRE(halt.empty());
      writer.on_passed(follower.next_offset());
      while (!ends.empty() && follower.next_offset() >= ends.front().second) {
        const auto token = ends.front().first;
        ends.pop_front();
        writer.on_caught_up(token);
      }
      while (!read.empty() && read.front() <= now - delays.project) {
        read.pop_front();
        REQUIRE(models.apply_one().empty());
        writer.on_projected(models.checkpoint(kWhere).seq);
      }
      if (!opened && follower.head().exists && models.waiting.empty()) {
        opened = true;
        writer.open(follower.head(), head_at);
        for (int i = 0; i < 4; ++i) ask();
      }
      writer.tick();
      writer.pump();
    }

    // Always some at once, so that there is never a gap.
    void ask() {
      Submission submission;
      submission.id = domain::new_id<domain::CommandId>("cmd_", clock.now(), domain::Bucket{0},
                                                        contest.randomness_.bits());
      submission.id_is_new = true;
      submission.partition = kWhere;
      submission.actor = {ActorKind::system, "test", ""};
      submission.command = domain::Deposit{contest.account_, {1}, "d"};
      submission.deadline = clock.steady() + std::chrono::hours(1);
      submission.done = [this](const Answer& answer) {
        if (answer.kind == AnswerKind::accepted) ++done;
        ask();
      };
      writer.submit(std::make_shared<Submission>(std::move(submission)));
    }

    void accepted(const Record& record, const Link& link) override {
      Accepted accepted{kWhere, record.offset, link.prefix->seq, link.id, record.value, nullptr};
      auto commit = std::make_shared<Commit>(contest.codec_->decode(*record.value));
      head_at = commit->at;
      if (accepted.seq > 0) accepted.commit = commit;
      writer.on_accepted(accepted, head_at);
      models.apply({std::move(accepted)}, ReadModels::Pace::at_once);
      read.push_back(contest.clock_.elapsed_ms);
    }
    void orphaned(const Record& record, const Link& link) override {
      writer.on_orphan(link.id, record.offset);
    }
    void halted(const std::string& evidence) override { halt = evidence; }
    void append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) override {
      producer->append(kWhere, std::move(records), [this, session, batch](AppendReport report) {
        writer.on_report(session, batch, report);
      });
    }
    void reset_producer(std::uint64_t) override { producer = contest.journal_->open_producer(); }
    void request_end(std::uint64_t token) override {
      ends.emplace_back(token, contest.journal_->end_offset(kWhere));
    }
    bool log_unchanged() override { return follower.unchanged(); }
    void wake_at(std::chrono::steady_clock::time_point) override {}
    void answering_ahead(std::uint64_t) override {}
    std::shared_ptr<const Commit> read_commit(std::uint64_t) override { return nullptr; }

    Contest& contest;
    const Delays delays;
    OffClock clock;
    SimReadModels models;
    BasicFollower<Rules> follower;
    BasicWriter<Rules> writer;
    std::unique_ptr<Producer> producer;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> ends;
    std::deque<std::int64_t> read;  // when each commit was that the read models do not have
    std::int64_t stands_until = 0, ran = 0;
    domain::Timestamp head_at;
    std::string halt;
    bool opened = false;
    unsigned done = 0;
  };

  void begin_chain() {
    account_ = domain::new_id<domain::AccountId>("org_", clock_.now(), domain::Bucket{0}, randomness_.bits());
    auto genesis = std::make_shared<const std::string>(encode_genesis(
        {1, codec_->journal_uuid(), "tasks", 0, kPartitionsPerTopic, domain::kBucketCount}, clock_.now()));
    Commit commit;
    commit.seq = 1;
    commit.prev = id_of(*genesis);
    commit.at = clock_.now();
    commit.command = {
        domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{0}, randomness_.bits()),
        "account.create", std::nullopt};
    commit.events.push_back(
        {account_.value, 1,
         domain::AccountCreated{
             account_, domain::Surface::groundtruth, {"eml_x"}, {"Ada"}, {"ada@example.com"}}});
    journal_->open_producer()->append(kWhere, {genesis, codec_->encode(commit)}, [](AppendReport) {});
    journal_->run_reports();
  }
  // Where the log ended at that time.
  std::uint64_t end_at(std::int64_t ms) const {
    return ms < 1 ? 0 : ends_[static_cast<std::size_t>(std::min<std::int64_t>(ms, clock_.elapsed_ms)) - 1];
  }

  std::mt19937_64 random_;
  SimClock clock_;
  SimRandomness randomness_;
  std::unique_ptr<CommitCodec> codec_;
  std::unique_ptr<MemoryJournal> journal_;
  domain::AccountId account_;
  std::vector<std::uint64_t> ends_;  // of the log, at each millisecond from the first on
  std::vector<std::unique_ptr<Side>> sides_;
};

struct Scene {
  const char* words;
  Delays first, second;
};

// By the rule that is for such a delay.
const Scene kRarelyRuns{"one runs for a millisecond in twenty", {}, {.runs = 1, .stands = 18}};
const Scene kReadsLate{"one reads later than a silence lasts", {}, {.read = 40}};

constexpr std::int64_t kMs = 3'000;

// How much of what it would do alone the one that got less of that did.
template <class Rules>
double share(std::uint64_t seed, const Scene& scene) {
  constexpr Delays kNobody{.read = 1'000'000'000};
  const auto alone = [&](const Delays& delays) {
    return std::max(1U, Contest<Rules>(seed, delays, kNobody).run(kMs / 10).first * 10);
  };
  const auto [first, second] = Contest<Rules>(seed, scene.first, scene.second).run(kMs);
  const double of_first = static_cast<double>(first) / alone(scene.first);
  const double of_second = static_cast<double>(second) / alone(scene.second);
  MESSAGE(std::string(scene.words), ", seed ", seed, ": ", first, " and ", second,
          ", of what each does alone ", of_first, " and ", of_second);
  return std::min(of_first, of_second);
}

constexpr double kFair = 0.1;

struct SinceSeen : ProtocolRules {
  static constexpr bool kQuietSinceWritten = false;
};
struct NoPatience : ProtocolRules {
  static constexpr bool kPauseForTheLate = false;
};

}  // namespace

TEST_CASE("protocol: of two that write one chain neither starves, whatever their delays") {
  const Scene scenes[] = {
      {"two equal ones", {}, {}},
      kRarelyRuns,
      kReadsLate,
      {"both stand, as on a busy machine", {.runs = 3, .stands = 12}, {.runs = 3, .stands = 30}},
      {"clocks an hour apart, one way", {.clock_off = 3'600'000}, kRarelyRuns.second},
      {"clocks an hour apart, the other way", {.clock_off = -3'600'000}, kRarelyRuns.second},
  };
  for (const auto& scene : scenes)
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      CAPTURE(std::string(scene.words));
      CAPTURE(seed);
      CHECK(share<ProtocolRules>(seed, scene) > kFair);
    }
}

TEST_CASE("protocol: with the rule taken away that is for such a delay, one starves") {
  CHECK(share<SinceSeen>(1, kRarelyRuns) <= share<ProtocolRules>(1, kRarelyRuns));
  CHECK(share<NoPatience>(1, kReadsLate) < kFair);
}

}  // namespace groundtruth::journal::sim
