// What leaves a writer: answers that are certain, and the ends of those that come too late
// (journal/writer.hpp; numbers are those of JOURNAL, "Writer").
#pragma once

#include <algorithm>
#include <utility>

#include "journal/writer.hpp"

namespace groundtruth::journal {

template <class R>
void BasicWriter<R>::tick() {
  const TimePoint now = clock_.steady();
  if (resume_at_tick_ && now >= backoff_until_) resume();
  if (!waiting_.empty() || !void_.empty()) watch_for_quiet(now);
  // "Surely not executed" can be said only when nobody else waits for the same command any more.
  const auto expire = [&](InFlight& entry) {
    const bool all = std::all_of(entry.callers.begin(), entry.callers.end(),
                                 [&](const Caller& caller) { return caller.deadline <= now; });
    const AnswerKind kind = all && !entry.bytes ? AnswerKind::unavailable : AnswerKind::unknown;
    for (auto& caller : entry.callers) {
      if (caller.deadline > now || !caller.done) continue;
      std::exchange(caller.done,
                    nullptr)(plain(kind, *entry.submission, "the journal did not answer in time"));
    }
    std::erase_if(entry.callers, [](const Caller& caller) { return !caller.done; });
  };
  // Rule 8: only what was never appended, or whose bytes are dead, is surely not executed.
  for (auto& entry : in_flight_) expire(entry);
  for (auto& entry : void_) expire(entry);
  for (auto& submission : waiting_)
    if (submission->deadline <= now && submission->done)
      std::exchange(submission->done, nullptr)(
          plain(AnswerKind::unavailable, *submission, "the writer did not process the command in time"));
  std::erase_if(waiting_, [&](const auto& submission) { return submission->deadline <= now; });
  for (auto& answer : history_)
    if (answer.caller.deadline <= now && answer.caller.done)
      std::exchange(answer.caller.done,
                    nullptr)(plain(AnswerKind::unknown, Submission{}, "not confirmed in time"));
  std::erase_if(history_, [](const HistoryAnswer& answer) { return !answer.caller.done; });
}

template <class R>
void BasicWriter<R>::stop(std::string reason) {
  if (!accepting_) return;
  accepting_ = false;
  stop_reason_ = std::move(reason);
  for (auto& submission : waiting_)
    if (submission->done) submission->done(plain(AnswerKind::unavailable, *submission, stop_reason_));
  waiting_.clear();
  for (auto& entry : void_)
    answer_all(entry, plain(AnswerKind::unavailable, *entry.submission, stop_reason_));
  void_.clear();
}

// Rule 7 where nobody need look at once: an answer goes out when the commit is accepted and certain, and the
// reads that come after it wait for the read models. So many at most, for that is what those reads wait for.
template <class R>
void BasicWriter<R>::answer_ahead() {
  for (const std::size_t end = first_alive(); looked_at_ < end; ++looked_at_) {
    InFlight& entry = in_flight_[looked_at_];
    if (!entry.offset) continue;
    if (!certain(*entry.offset)) return;
    if (entry.is_ahead || entry.seq <= projected_seq_ || !may_answer_ahead(entry)) continue;
    entry.is_ahead = true;
    ++ahead_;
    const bool is_told = entry.submission->answer_when == AnswerWhen::durable;
    if (is_told && entry.seq > ahead_seq_) port_.answering_ahead(ahead_seq_ = entry.seq);
    answer_all(entry, answer_for(entry));
  }
}

// Rule 7: other answers go out in order, once the commit is accepted, certain and in the read models. What
// was answered ahead stays until then too: who asks for the same command again meets it here.
template <class R>
void BasicWriter<R>::release() {
  answer_ahead();
  bool uncertain = false;
  while (!in_flight_.empty()) {
    InFlight& entry = in_flight_.front();
    if (entry.bytes) {
      if (!entry.offset || entry.seq > projected_seq_) break;
      if (!certain(*entry.offset)) {
        uncertain = true;
        break;
      }
    } else if (entry.seq > head_.seq || !entry.end_read) {
      break;
    }
    InFlight done = std::move(entry);
    in_flight_.pop_front();
    if (first_alive_ > 0) --first_alive_;
    if (looked_at_ > 0) --looked_at_;
    if (done.is_ahead) --ahead_;
    name(*done.submission, -1);
    answer_all(done, answer_for(done));
  }
  while (!history_.empty()) {
    if (!certain(history_.front().offset)) {
      uncertain = true;
      break;
    }
    HistoryAnswer found = std::move(history_.front());
    history_.pop_front();
    const auto commit = found.answer ? nullptr : port_.read_commit(found.offset);
    Answer answer = found.answer ? std::move(*found.answer)
                    : commit     ? answer_of(partition_, found.offset, commit)
                                 : plain(AnswerKind::unknown, Submission{}, "its commit cannot be read");
    answer.replayed = true;
    if (found.caller.done) found.caller.done(std::move(answer));
  }
  const bool under_way = !batches_.empty() || first_alive() < in_flight_.size();
  if (uncertain && state_ == State::running && !under_way) append_confirmation();
}

template <class R>
void BasicWriter<R>::answer_all(InFlight& entry, const Answer& answer) {
  for (auto& caller : entry.callers) {
    if (!caller.done) continue;
    Answer copy = answer;
    copy.replayed = copy.replayed || caller.joined;
    caller.done(std::move(copy));
  }
  entry.callers.clear();
}

template <class R>
Answer BasicWriter<R>::plain(AnswerKind kind, const Submission& submission, std::string reason) const {
  Answer answer;
  answer.kind = kind;
  answer.partition = partition_;
  answer.command = submission.id;
  answer.reason = std::move(reason);
  return answer;
}

template <class R>
Answer BasicWriter<R>::answer_for(const InFlight& entry) const {
  if (entry.commit) {
    Answer answer = answer_of(partition_, entry.offset.value_or(0), entry.commit);
    answer.appended_bytes = entry.bytes ? entry.bytes->size() : 0;
    return answer;
  }
  Answer answer = plain(entry.rejection ? AnswerKind::rejected : AnswerKind::accepted, *entry.submission);
  answer.seq = entry.seq;
  if (entry.rejection) answer.rejection = *entry.rejection;
  return answer;
}

}  // namespace groundtruth::journal
