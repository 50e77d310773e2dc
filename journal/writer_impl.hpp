// The writer's rules, one function each (journal/writer.hpp; numbers are those of JOURNAL, "Writer").
#pragma once

#include <algorithm>
#include <utility>

#include "journal/writer.hpp"

namespace groundtruth::journal {

namespace detail {

template <class State, class Variant>
struct IndexIn;
template <class State, class... States>
struct IndexIn<State, std::variant<States...>> {
  static constexpr std::size_t value = [] {
    std::size_t index = 0;
    (void)((std::is_same_v<State, States> ? true : (++index, false)) || ...);
    return index;
  }();
};

template <class... States>
domain::Aggregate empty_aggregate(std::size_t kind, const std::variant<States...>*) {
  static const domain::Aggregate kEmpty[] = {States{}...};
  return kEmpty[kind];
}

}  // namespace detail

// The index of an aggregate in domain::Aggregate.
template <class State>
inline constexpr std::size_t kKindOf = detail::IndexIn<State, domain::Aggregate>::value;

template <class R>
void BasicWriter<R>::open(const Head& head, domain::Timestamp head_at) {
  head_ = speculative_ = head;
  head_at_ = speculative_at_ = head_at;
  projected_seq_ = needed_projection_seq_ = head.seq;
  state_ = State::running;
}

template <class R>
void BasicWriter<R>::submit(std::shared_ptr<Submission> submission) {
  const bool full = waiting_.size() >= options_.max_waiting;
  if (state_ == State::closed || !accepting_ || full) {
    if (!submission->done) return;
    Answer answer =
        plain(AnswerKind::unavailable, *submission,
              !accepting_ ? stop_reason_ : (full ? "the writer's queue is full" : "still starting"));
    answer.elsewhere = !full;
    submission->done(std::move(answer));
    return;
  }
  waiting_.push_back(std::move(submission));
}

template <class R>
void BasicWriter<R>::pump() {
  take_turns();
  const std::uint64_t first_seq = speculative_.next_seq();
  while ((!void_.empty() || !waiting_.empty()) && can_decide()) {
    InFlight entry;
    if (!void_.empty()) {
      entry = std::move(void_.front());
      void_.pop_front();
      if (entry.callers.empty()) continue;  // told "unknown" while its bytes lived; now surely not executed
    } else {
      entry.submission = std::move(waiting_.front());
      waiting_.pop_front();
      entry.callers.push_back({std::move(entry.submission->done), entry.submission->deadline, false});
    }
    if (admit(entry)) decide(std::move(entry));
  }
  append(first_seq);
  release();
}

// Rule 5: what was done is answered from history, what is under way is joined, a relay's effect happens once.
// Only what is left is decided.
template <class R>
bool BasicWriter<R>::admit(InFlight& entry) {
  const Submission& submission = *entry.submission;
  if (named(submission)) {
    for (auto& other : in_flight_) {
      if (!same_command(submission, *other.submission)) continue;
      if (submission.keyed && other.submission->keyed &&
          submission.keyed->request_hash != other.submission->keyed->request_hash) {
        answer_all(entry, plain(AnswerKind::key_reused, submission));
      } else if (!R::kJoinInFlight) {
        answer_all(entry, answer_for(other));
      } else {
        for (auto& caller : entry.callers)
          other.callers.push_back({std::move(caller.done), caller.deadline, true});
        if (other.is_ahead) read_models_.hurry();
      }
      return false;
    }
  }
  std::optional<PastCommand> past;
  try {
    if (submission.keyed)
      past = read_models_.find_key(partition_, command_key(submission.actor.account, *submission.keyed));
    if (!past && !submission.id_is_new) past = read_models_.find_command(partition_, submission.id);
    if (!past && submission.cause) {
      const std::string relay = relay_of(*submission.cause);
      const auto mark = read_models_.relay_mark(partition_, relay);
      if (R::kRelayMarks && mark && mark_of(*submission.cause) <= *mark) {
        for (auto& caller : entry.callers)
          history_.push_back({std::move(caller), passed_offset_ > 0 ? passed_offset_ - 1 : 0,
                              plain(AnswerKind::accepted, submission)});
        return false;
      }
      if (R::kRelayOrder && submission.behind && std::max(mark, last_effect(relay)) < submission.behind) {
        answer_all(entry,
                   plain(AnswerKind::unavailable, submission, "the effect that precedes it has not arrived"));
        return false;
      }
    }
  } catch (const std::exception& error) {
    stop(std::string("the read models cannot be read: ") + error.what());
    answer_all(entry, plain(AnswerKind::unavailable, submission, stop_reason_));
    return false;
  }
  if (!past) return true;
  if (submission.keyed && past->request_hash != submission.keyed->request_hash) {
    answer_all(entry, plain(AnswerKind::key_reused, submission));
  } else {
    for (auto& caller : entry.callers) {
      caller.joined = true;
      history_.push_back({std::move(caller), past->offset, std::nullopt});
    }
  }
  return false;
}

template <class R>
void BasicWriter<R>::decide(InFlight entry) {
  try {
    decide_or_throw(entry);
  } catch (const ErasedOwner&) {
    entry.rejection = domain::reject(domain::RejectionCode::account_erased);
    entry.end_token = next_token_++;
  } catch (const JournalUnavailable& away) {  // a data key could not be had
    answer_all(entry, plain(AnswerKind::unavailable, *entry.submission, away.what()));
    return;
  } catch (const std::exception& error) {
    // Rule 10: own state and own events disagree, or the read models cannot be read. It does not guess.
    forget_aggregates();
    stop(std::string("cannot decide: ") + error.what());
    answer_all(entry, plain(AnswerKind::unavailable, *entry.submission, stop_reason_));
    return;
  }
  if (!entry.callers.empty() || entry.bytes) enter(std::move(entry));
}

template <class R>
void BasicWriter<R>::decide_or_throw(InFlight& entry) {
  const Submission& submission = *entry.submission;
  const domain::Timestamp at = std::max(clock_.now(), speculative_at_);
  const auto lookup = [this]<class Id>(const Id& id, bool is_new) -> const auto& {
    using State = domain::AggregateOf<Id>;
    return std::get<State>(load(kKindOf<State>, id.value, is_new).state);
  };
  domain::Decision decision = domain::decide(submission.command, at, lookup);
  if (submission.expected) {
    const auto found = cache_.find(submission.expected->stream);
    if (found != cache_.end() && found->second.version != 0 &&
        found->second.version != submission.expected->version)
      decision = domain::reject(domain::RejectionCode::version_mismatch);
  }

  // Rule 6, and a relay's target records its refusal too. A keyed no-op is recorded so that retries find it;
  // a refusal that a retry must not get again is not, nor is one of somebody without a credential (for whom a
  // component of ours speaks): the journal keeps for ever what they could repeat for nothing.
  const bool is_anonymous = submission.actor.kind == ActorKind::system;
  const bool recorded =
      submission.cause ||
      (submission.keyed &&
       (!decision.rejection() || (domain::is_for_good(decision.rejection()->code) && !is_anonymous)));
  entry.seq = speculative_.seq;
  if (const auto* rejection = decision.rejection()) {
    entry.rejection = *rejection;
    if (!recorded || !R::kRecordRejections) {
      entry.end_token = next_token_++;
      return;
    }
    decision = domain::Decision{};  // `rejection` pointed into it
    decision.add(submission.id, domain::CommandRejected{*entry.rejection});
    entry.rejection.reset();
  } else if (decision.events().empty() && !recorded) {
    entry.end_token = next_token_++;
    return;
  }

  auto commit = std::make_shared<Commit>();
  commit->seq = speculative_.next_seq();
  commit->prev = speculative_.id;
  commit->at = at;
  commit->actor = submission.actor;
  commit->command = {submission.id, std::string(domain::name_of(submission.command)), submission.keyed};
  commit->cause = submission.cause;
  std::vector<Cached*> touched;  // null: command.rejected, no aggregate's stream
  commit->events.reserve(decision.events().size());
  touched.reserve(decision.events().size());
  for (auto& event : decision.events()) {
    const auto cached = cache_.find(event.stream);
    touched.push_back(cached == cache_.end() ? nullptr : &cached->second);
    std::uint32_t version = touched.back() ? touched.back()->version : 0;
    for (const auto& earlier : commit->events)
      if (earlier.stream == event.stream) version = earlier.version;
    commit->events.push_back({std::move(event.stream), version + 1, std::move(event.event)});
  }
  entry.bytes = codec_.encode(*commit);
  if (entry.bytes->size() > kMaxCommitBytes) {
    entry.bytes.reset();
    answer_all(entry, plain(AnswerKind::too_large, submission));
    return;
  }
  for (std::size_t i = 0; i < touched.size(); ++i) {
    if (!touched[i]) continue;
    const auto& event = commit->events[i];
    if (!domain::evolve(touched[i]->state, event.data, at))
      throw std::logic_error("an event does not belong to the aggregate of stream " + event.stream);
    touched[i]->version = event.version;
    touched[i]->last_seq = commit->seq;
  }
  entry.seq = commit->seq;
  entry.id = id_of(*entry.bytes);
  speculative_ = Head{true, commit->seq, entry.id};
  speculative_at_ = at;
  entry.commit = std::move(commit);
}

template <class R>
void BasicWriter<R>::enter(InFlight entry) {
  if (!entry.bytes) {
    if (ahead_ > 0) read_models_.hurry();  // it is answered in order, so after what was answered ahead
    if (read_is_durable_)
      entry.end_read = true;  // this process is the log's only writer: there is no end that it has not read
    else
      port_.request_end(entry.end_token);
  }
  name(*entry.submission, +1);
  in_flight_.push_back(std::move(entry));
}

// Hands everything alive from `first_seq` on to the producer, as one batch.
template <class R>
void BasicWriter<R>::append(std::uint64_t first_seq) {
  std::vector<Bytes> records;
  for (auto i = in_flight_.size(); i-- > 0 && in_flight_[i].seq >= first_seq;) {
    if (!in_flight_[i].alive()) continue;
    ++in_flight_[i].appends;
    in_flight_[i].batch = next_batch_;
    records.push_back(in_flight_[i].bytes);
  }
  if (records.empty()) return;
  std::reverse(records.begin(), records.end());
  batches_.push_back({next_batch_++, first_seq, first_seq + records.size() - 1, speculation_});
  port_.append(session_, batches_.back().number, std::move(records));
}

// An own commit that is accepted and reported vouches for everything before it in the chain: once the log has
// been read past the place that the report names, and, where more than one copy of anything that it vouches
// for may have landed, or others wrote since the one that vouched before, what was read still stands there.
// Otherwise the report may be of a copy in a log that lost what was read here, or follow one of theirs that
// hides such a loss from the follower.
template <class R>
void BasicWriter<R>::confirm() {
  if (read_is_durable_) return;
  bool repeated = false;
  std::optional<std::uint64_t> vouched;
  for (std::size_t i = 0, end = first_alive(); i < end; ++i) {
    const InFlight& entry = in_flight_[i];
    if (!entry.offset || certain(*entry.offset)) continue;
    repeated = repeated || entry.appends > 1;
    const bool was_reported = entry.reported_offset && *entry.reported_offset >= *entry.offset &&
                              *entry.reported_offset < passed_offset_;
    if (was_reported) vouched = entry.offset;
  }
  if (!vouched) return;
  // Whoever wrote it may append the same bytes again, in their old place in a log that lost those before.
  // What was read before this process wrote anything may all be of others.
  const bool others = !confirmed_ || last_of_others_ > confirmed_;
  if ((repeated || others) && !port_.log_unchanged()) return;
  confirmed_ = vouched;
}

// Rule 7: what was accepted without an own report of success is vouched for by a later record of our own.
template <class R>
void BasicWriter<R>::append_confirmation() {
  auto commit = std::make_shared<Commit>();
  commit->seq = speculative_.next_seq();
  commit->prev = speculative_.id;
  commit->at = std::max(clock_.now(), speculative_at_);
  commit->actor = {ActorKind::system, "writer", ""};
  commit->command = {domain::new_id<domain::CommandId>("cmd_", commit->at, domain::Bucket{partition_.number},
                                                       randomness_.bits()),
                     "journal.confirm", std::nullopt};
  InFlight entry;
  entry.submission = std::make_shared<Submission>();
  entry.submission->id = commit->command.id;
  entry.bytes = codec_.encode(*commit);
  entry.seq = commit->seq;
  entry.id = id_of(*entry.bytes);
  speculative_ = Head{true, entry.seq, entry.id};
  speculative_at_ = commit->at;
  entry.commit = std::move(commit);
  const auto seq = entry.seq;
  enter(std::move(entry));
  append(seq);
}

template <class R>
bool BasicWriter<R>::on_accepted(const Accepted& accepted, domain::Timestamp at) {
  if (state_ == State::closed) return true;
  head_ = Head{true, accepted.seq, accepted.id};
  const domain::Timestamp before = std::exchange(head_at_, at);
  const std::size_t next = first_alive();
  if (next < in_flight_.size() && in_flight_[next].id == accepted.id) {
    in_flight_[next].offset = accepted.offset;
    lost_in_a_row_ = recoveries_in_a_row_ = 0;
    last_own_ = clock_.steady();
    if (!turn_began_) turn_began_ = last_own_;
    return !may_answer_ahead(in_flight_[next]);
  }
  // Rule 4: a foreign commit at the head. Everything alive is dead, and what was decided on it is void.
  last_of_others_ = accepted.offset;
  const bool lost = next < in_flight_.size();
  const TimePoint now = clock_.steady();
  contended_until_ = now + options_.contended;
  quiet_at_ = (before < at ? written_at(at, now) : now) + options_.quiet;
  watch_for_quiet(now);
  turn_began_.reset();
  if (std::exchange(yielding_, false)) backoff_until_ = now + options_.turn;  // it is theirs
  void_from(0);
  if (!lost) return true;
  ++lost_rounds_;
  window_ = 1;
  if (++lost_in_a_row_ >= 2) back_off(lost_in_a_row_ - 2);
  return true;
}

// Rule 3. A late copy of what was accepted before is no news.
template <class R>
void BasicWriter<R>::on_orphan(const CommitId& id, std::uint64_t offset) {
  last_of_others_ = offset;
  contended_until_ = clock_.steady() + options_.contended;
  others_were_late_ = true;
  if (!R::kRecoverFromOwnOrphan || state_ != State::running) return;
  for (const auto& entry : in_flight_)
    if (entry.alive() && entry.id == id) return recover();
}

template <class R>
void BasicWriter<R>::on_passed(std::uint64_t next_offset) {
  passed_offset_ = next_offset;
  confirm();
  answer_ahead();
  if (!R::kRecoverFromOwnOrphan || state_ != State::running) return;
  const std::size_t next = first_alive();
  if (next < in_flight_.size() && in_flight_[next].reported_offset &&
      *in_flight_[next].reported_offset < passed_offset_)
    recover();
}

template <class R>
void BasicWriter<R>::on_report(std::uint64_t session, std::uint64_t number, const AppendReport& report) {
  if (session != session_) return;
  const auto found = std::find_if(batches_.begin(), batches_.end(),
                                  [&](const Batch& batch) { return batch.number == number; });
  if (found == batches_.end()) return;
  const Batch batch = *found;
  batches_.erase(found);
  const bool current = batch.speculation == speculation_;
  switch (report.outcome) {
    case AppendOutcome::written: {
      if (window_ < options_.max_batches_in_flight) ++window_;
      // In flight, numbers never fall; and much of it may have been answered, and wait for the read models.
      auto entry = std::partition_point(in_flight_.begin(), in_flight_.end(),
                                        [&](const InFlight& each) { return each.seq < batch.first_seq; });
      for (; entry != in_flight_.end() && entry->seq <= batch.last_seq; ++entry)
        if (entry->batch == number)
          entry->reported_offset = report.first_offset + (entry->seq - batch.first_seq);
      on_passed(passed_offset_);
      break;
    }
    case AppendOutcome::not_written:
      if (current)
        drop_unwritten(batch);
      else
        recover();
      break;
    case AppendOutcome::unknown:
      recover();
      break;
  }
  release();
}

// The log says that the batch, and so all that came after it in this session, will never land. Where these
// bytes were handed to an earlier producer too, that says nothing about its copies: then they stay alive.
template <class R>
void BasicWriter<R>::drop_unwritten(const Batch& batch) {
  std::size_t first = in_flight_.size();
  for (std::size_t i = in_flight_.size(); i-- > 0 && in_flight_[i].seq >= batch.first_seq;) {
    if (in_flight_[i].alive() && in_flight_[i].appends > 1) return recover();
    first = i;
  }
  void_from(first);
  for (auto& entry : void_)
    answer_all(entry,
               plain(AnswerKind::unavailable, *entry.submission, "the journal refuses writes at the moment"));
  void_.clear();
  recover();
}

// Everything from `index` on that is not accepted is to be decided again, on read models that have all before
// it.
template <class R>
void BasicWriter<R>::void_from(std::size_t index) {
  std::deque<InFlight> kept, again;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    InFlight& entry = in_flight_[i];
    if (i < index || entry.offset) {
      kept.push_back(std::move(entry));
      continue;
    }
    name(*entry.submission, -1);
    InFlight fresh;
    fresh.submission = std::move(entry.submission);
    fresh.callers = std::move(entry.callers);
    again.push_back(std::move(fresh));
  }
  in_flight_ = std::move(kept);
  first_alive_ = looked_at_ = 0;
  speculative_ = head_;
  speculative_at_ = head_at_;
  for (const auto& entry : in_flight_) {
    if (!entry.alive()) continue;
    speculative_ = Head{true, entry.seq, entry.id};
    speculative_at_ = entry.commit->at;
  }
  void_.insert(void_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
  forget_aggregates();
  ++speculation_;
}

template <class R>
void BasicWriter<R>::recover() {
  if (state_ != State::running) return;
  state_ = State::recovering;
  ++recoveries_;
  ++session_;
  batches_.clear();
  port_.reset_producer(session_);
  recovery_token_ = next_token_++;
  port_.request_end(recovery_token_);
}

template <class R>
void BasicWriter<R>::on_caught_up(std::uint64_t token) {
  for (auto& entry : in_flight_)
    if (!entry.bytes && entry.end_token <= token) entry.end_read = true;
  if (state_ == State::recovering && token >= recovery_token_) {
    if (++recoveries_in_a_row_ > 1) {
      resume_at_tick_ = true;
      back_off(recoveries_in_a_row_ - 2);
    } else {
      resume();
    }
  }
  release();
}

// Rule 2: the whole unaccepted pipeline again, byte for byte.
template <class R>
void BasicWriter<R>::resume() {
  resume_at_tick_ = false;
  state_ = State::running;
  if (!R::kBytesStayAlive) {
    void_from(0);
    return;
  }
  const std::size_t next = first_alive();
  if (next < in_flight_.size()) append(in_flight_[next].seq);
}

template <class R>
void BasicWriter<R>::on_projected(std::uint64_t seq) {
  projected_seq_ = std::max(projected_seq_, seq);
  release();
  evict();
}

template <class R>
void BasicWriter<R>::back_off(std::uint64_t attempts) {
  const auto limit = options_.backoff_max;
  auto delay = options_.backoff_min * (std::int64_t{1} << std::min<std::uint64_t>(attempts, 10));
  delay = std::min<std::chrono::milliseconds>(delay, limit);
  const auto jitter =
      static_cast<std::int64_t>(randomness_.bits()[0] % static_cast<std::uint64_t>(delay.count() + 1));
  backoff_until_ = clock_.steady() + delay / 2 + std::chrono::milliseconds(jitter / 2);
  port_.wake_at(backoff_until_);
}

// A silence for those who come late is so many times as long as the usual one, at most.
inline constexpr int kMostPauses = 16;

// Rule 4 alone lets one of two starve: the one that is ahead appends without a gap, and the other's read
// models are never at the head. So who is ahead pauses now and then, once all that it has in flight has
// landed.
template <class R>
void BasicWriter<R>::take_turns() {
  const TimePoint now = clock_.steady();
  const bool is_silent = first_alive() == in_flight_.size() && now - last_own_ > options_.quiet;
  if (is_silent || read_is_durable_) turn_began_.reset();  // there was room for others
  const auto turn = now < contended_until_ ? options_.turn : options_.unseen_turn;
  if (turn_began_ && now - *turn_began_ >= turn) {
    turn_began_.reset();
    yielding_ = true;
    yield_until_.reset();
  }
  if (!yielding_) return;
  if (!yield_until_ && first_alive() == in_flight_.size()) {
    yield_until_ = now + pause_;
    port_.wake_at(*yield_until_);
  }
  if (!yield_until_ || now < *yield_until_) return;
  yielding_ = false;
  // No other process wrote during the pause. If its records came as orphans meanwhile, it needs more time to
  // reach the head (another machine, or a busy one): the next pause is twice as long, else half as long.
  const auto next = std::exchange(others_were_late_, false) && R::kPauseForTheLate ? pause_ * 2 : pause_ / 2;
  pause_ = std::clamp(next, options_.pause, kMostPauses * options_.pause);
}

// When another's commit was written, by this process's clock. The clocks of two machines may be far apart,
// and either may be set: what counts is how much longer this one was on its way than the quickest of late.
// Not for a commit whose time is that of the one before it: its writer's clock is behind the chain's time, so
// it does not say when it was written.
template <class R>
auto BasicWriter<R>::written_at(domain::Timestamp at, TimePoint seen) -> TimePoint {
  if (!R::kQuietSinceWritten) return seen;
  const std::int64_t age_ms = clock_.now().ms - at.ms;
  if (seen >= ages_until_) {
    const bool is_next = seen < ages_until_ + options_.contended;
    least_age_before_ms_ = is_next ? least_age_ms_ : std::nullopt;
    least_age_ms_.reset();
    ages_until_ = seen + options_.contended;
  }
  least_age_ms_ = std::min(least_age_ms_.value_or(age_ms), age_ms);
  const auto least = std::min(*least_age_ms_, least_age_before_ms_.value_or(age_ms));
  return seen - std::chrono::milliseconds(age_ms - least);
}

// Looks at it once more when the chain may have been silent for long enough; one timer at a time.
template <class R>
void BasicWriter<R>::watch_for_quiet(TimePoint now) {
  if (now >= quiet_at_ || now < quiet_wake_) return;
  quiet_wake_ = quiet_at_;
  port_.wake_at(quiet_wake_);
}

// What is dead stays dead, so the search goes on where it ended.
template <class R>
std::size_t BasicWriter<R>::first_alive() const {
  while (first_alive_ < in_flight_.size() && !in_flight_[first_alive_].alive()) ++first_alive_;
  return first_alive_;
}

// --- which commands are in flight
// -----------------------------------------------------------------------------------

template <class R>
std::string BasicWriter<R>::key_name(const Submission& submission) {
  return submission.actor.account + '\n' + submission.keyed->scope + '\n' + submission.keyed->key;
}

template <class R>
void BasicWriter<R>::name(const Submission& submission, int delta) {
  const auto change = [&](const std::string& what) {
    const auto found = names_.try_emplace(what, 0).first;
    if ((found->second += delta) == 0) names_.erase(found);
  };
  change(submission.id.value);
  if (submission.keyed) change(key_name(submission));
  if (!submission.cause) return;
  auto& effects = effects_[relay_of(*submission.cause)];
  if (delta > 0)
    effects.insert(mark_of(*submission.cause));
  else
    effects.erase(effects.find(mark_of(*submission.cause)));
}

template <class R>
std::optional<RelayMark> BasicWriter<R>::last_effect(const std::string& relay) const {
  const auto found = effects_.find(relay);
  if (found == effects_.end() || found->second.empty()) return std::nullopt;
  return *found->second.rbegin();
}

template <class R>
bool BasicWriter<R>::named(const Submission& submission) const {
  return names_.contains(submission.id.value) ||
         (submission.keyed && names_.contains(key_name(submission))) ||
         (submission.cause && mark_of(*submission.cause) <= last_effect(relay_of(*submission.cause)));
}

template <class R>
bool BasicWriter<R>::same_command(const Submission& a, const Submission& b) {
  if (a.id == b.id) return true;
  if (a.keyed && b.keyed && key_name(a) == key_name(b)) return true;
  return R::kRelayMarks && a.cause && b.cause && relay_of(*a.cause) == relay_of(*b.cause) &&
         mark_of(*a.cause) <= mark_of(*b.cause);
}

template <class R>
bool BasicWriter<R>::has_command(const domain::CommandId& id, std::string_view account) const {
  const auto is = [&](const Submission& s) { return s.id == id && s.actor.account == account; };
  const auto holds = [&](const InFlight& entry) {
    const bool is_done = entry.is_ahead && entry.seq <= projected_seq_;  // and waits for others before it
    return !is_done && is(*entry.submission);
  };
  return std::any_of(in_flight_.begin(), in_flight_.end(), holds) ||
         std::any_of(void_.begin(), void_.end(), holds) ||
         std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& waits) { return is(*waits); });
}

// --- aggregates
// -----------------------------------------------------------------------------------------------------

// Speculative state: what the read models have plus all that is in flight. An aggregate that something in
// flight touched is never evicted, so what is loaded needs nothing added.
template <class R>
typename BasicWriter<R>::Cached& BasicWriter<R>::load(std::size_t kind, const std::string& stream,
                                                      bool is_new) {
  const auto found = cache_.find(stream);
  if (found != cache_.end()) {
    uses_.splice(uses_.begin(), uses_, found->second.use);
    return found->second;
  }
  std::optional<LoadedAggregate> loaded;
  if (!is_new) loaded = read_models_.load(kind, partition_, stream);
  if (!loaded)
    loaded =
        LoadedAggregate{detail::empty_aggregate(kind, static_cast<const domain::Aggregate*>(nullptr)), 0};
  uses_.push_front(stream);
  return cache_.emplace(stream, Cached{std::move(loaded->state), loaded->version, 0, uses_.begin()})
      .first->second;
}

template <class R>
void BasicWriter<R>::forget_aggregates() {
  cache_.clear();
  uses_.clear();
  needed_projection_seq_ = speculative_.seq;
}

template <class R>
void BasicWriter<R>::evict() {
  while (cache_.size() > options_.max_cached_aggregates) {
    const auto oldest = cache_.find(uses_.back());
    if (oldest->second.last_seq > projected_seq_) return;
    uses_.pop_back();
    cache_.erase(oldest);
  }
}

}  // namespace groundtruth::journal
