// The protocol's rules as a policy. The system runs with all of them; a test takes one away at a time and
// shows that the schedules then break a promise (JOURNAL, the rules marked †). No other policy is compiled
// into the release binary.
#pragma once

namespace groundtruth::journal {

struct ProtocolRules {
  static constexpr bool kAcceptanceChecksPrev =
      true;  // a record extends the head's very bytes, not just its number
  static constexpr bool kBytesStayAlive =
      true;  // appended bytes are never re-decided while they may still land
  static constexpr bool kRecoverFromOwnOrphan = true;  // an own record passed over is appended again
  static constexpr bool kJoinInFlight = true;          // a retry of a command in flight waits for its outcome
  static constexpr bool kRecordRejections = true;      // a keyed rejection that depends on state is a commit
  static constexpr bool kAnswerNeedsReport = true;  // what was only read may still be taken back by a crash
  static constexpr bool kHaltOnTruncation = true;   // history that shrank or was swapped stops the reader
  static constexpr bool kRelayMarks = true;         // a relay's effect is applied once
  static constexpr bool kRelayOrder = true;         // and never before the one that it goes behind
  static constexpr bool kQuietSinceWritten = true;  // a chain is silent since the last commit was written
  static constexpr bool kPauseForTheLate = true;    // pauses grow while the other side misses them
};

}  // namespace groundtruth::journal
