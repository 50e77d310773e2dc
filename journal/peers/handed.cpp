// See handed.hpp.
#include "journal/peers/handed.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::journal {

// Between processes these stand as they are; in a record they do not, so only this file may take them so.
BOOST_DESCRIBE_STRUCT(Actor, (), (kind, id, account))
BOOST_DESCRIBE_STRUCT(KeyedRequest, (), (key, scope, request_hash))
BOOST_DESCRIBE_STRUCT(ExpectedVersion, (), (stream, version))
BOOST_DESCRIBE_STRUCT(RelayMark, (), (seq, event))

}  // namespace groundtruth::journal

namespace groundtruth::journal::peers {
namespace {

using std::chrono::milliseconds;

struct WireCause {
  std::string source;
  std::uint64_t seq = 0;
  std::uint32_t event = 0;
  std::string effect;
};
BOOST_DESCRIBE_STRUCT(WireCause, (), (source, seq, event, effect))

struct WireSubmission {
  std::int64_t within_ms = 0;
  std::string partition;
  domain::CommandId id;
  Actor actor;
  std::optional<KeyedRequest> keyed;
  std::optional<WireCause> cause;
  std::optional<RelayMark> behind;
  std::optional<ExpectedVersion> expected;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(WireSubmission, (),
                      (within_ms, partition, id, actor, keyed, cause, behind, expected, name))

struct WireLine {
  std::uint64_t number = 0;
  WireSubmission submission;
  codec::JsonPart command;
};
BOOST_DESCRIBE_STRUCT(WireLine, (), (number, submission, command))

struct WireAnswer {
  std::uint64_t number = 0;
  bool declined = false;
  AnswerKind kind = AnswerKind::unavailable;
  bool replayed = false;
  bool has_commit = false;
  std::string partition;
  std::uint64_t seq = 0, offset = 0;
  std::optional<domain::Rejection> rejection;
  domain::CommandId command;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(WireAnswer, (),
                      (number, declined, kind, replayed, has_commit, partition, seq, offset, rejection,
                       command, reason))

// The command of this name, of what stands at `node`. False: unknown, or not as this release knows it.
template <class... Commands>
bool read_command(const codec::JsonDocument& document, const WireLine& line, std::variant<Commands...>& out) {
  bool is_read = false;
  const auto try_one = [&]<class C>(C command) {
    if (line.submission.name != C::kName) return;
    std::vector<codec::FieldError> errors;
    codec::read_json(document, line.command.node, command, errors);
    is_read = errors.empty();
    out = std::move(command);
  };
  (try_one(Commands{}), ...);
  return is_read;
}

std::optional<Submission> submission_of(const codec::JsonDocument& document, WireLine& line,
                                        std::chrono::steady_clock::time_point now) {
  auto& wire = line.submission;
  const auto partition = parse_partition(wire.partition);
  const auto source =
      wire.cause ? parse_partition(wire.cause->source) : std::optional<Partition>(Partition{});
  Submission out;
  if (!partition || !source || !read_command(document, line, out.command)) return std::nullopt;
  out.id = std::move(wire.id);
  // Who handed it on may have given up waiting, and had it executed elsewhere.
  out.id_is_new = false;
  out.partition = *partition;
  out.actor = std::move(wire.actor);
  out.keyed = std::move(wire.keyed);
  if (auto& cause = wire.cause)
    out.cause = Cause{*source, cause->seq, cause->event, std::move(cause->effect)};
  out.behind = wire.behind;
  out.expected = std::move(wire.expected);
  out.deadline = now + milliseconds(wire.within_ms);
  return out;
}

}  // namespace

std::string encode_submission(std::uint64_t number, const Submission& submission,
                              std::chrono::steady_clock::time_point now) {
  WireSubmission wire;
  wire.within_ms =
      std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(submission.deadline - now).count());
  wire.partition = to_string(submission.partition);
  wire.id = submission.id;
  wire.actor = submission.actor;
  wire.keyed = submission.keyed;
  if (const auto& cause = submission.cause)
    wire.cause = WireCause{to_string(cause->source), cause->seq, cause->event, cause->effect};
  wire.behind = submission.behind;
  wire.expected = submission.expected;
  wire.name = domain::name_of(submission.command);
  std::string out;
  out.reserve(1024);
  out += R"({"number":)";
  out += std::to_string(number);
  out += R"(,"submission":)";
  codec::write_json(out, wire);
  out += R"(,"command":)";
  std::visit([&](const auto& command) { codec::write_json(out, command); }, submission.command);
  out += '}';
  return out;
}

std::optional<HandedSubmission> decode_submission(std::string_view text,
                                                  std::chrono::steady_clock::time_point now) {
  const codec::JsonDocument document(text, codec::kStoredLimits);
  if (document.error()) return std::nullopt;
  WireLine line;
  std::vector<codec::FieldError> errors;
  codec::read_json(document, document.root(), line, errors);
  if (line.number == 0) return std::nullopt;
  HandedSubmission out{line.number, std::nullopt};
  if (errors.empty()) out.submission = submission_of(document, line, now);
  return out;
}

std::string encode_answer(std::uint64_t number, const Answer& answer) {
  WireAnswer wire;
  wire.number = number;
  wire.declined = answer.elsewhere;
  wire.kind = answer.kind;
  wire.replayed = answer.replayed;
  wire.has_commit = answer.commit != nullptr;
  wire.partition = to_string(answer.partition);
  wire.seq = answer.seq;
  wire.offset = answer.offset;
  if (answer.kind == AnswerKind::rejected && !answer.commit) wire.rejection = answer.rejection;
  wire.command = answer.command;
  wire.reason = answer.reason;
  std::string out;
  codec::write_json(out, wire);
  return out;
}

std::string encode_declined(std::uint64_t number) {
  Answer answer;
  answer.elsewhere = true;
  return encode_answer(number, answer);
}

std::optional<HandedAnswer> decode_answer(std::string_view text) {
  const codec::JsonDocument document(text, codec::kStoredLimits);
  if (document.error()) return std::nullopt;
  WireAnswer wire;
  std::vector<codec::FieldError> errors;
  codec::read_json(document, document.root(), wire, errors);
  if (wire.number == 0) return std::nullopt;
  const auto partition = parse_partition(wire.partition);
  HandedAnswer out;
  out.number = wire.number;
  out.is_understood = errors.empty() && partition;
  if (!out.is_understood) return out;
  out.declined = wire.declined;
  out.has_commit = wire.has_commit;
  out.answer.kind = wire.kind;
  out.answer.replayed = wire.replayed;
  out.answer.partition = *partition;
  out.answer.seq = wire.seq;
  out.answer.offset = wire.offset;
  if (wire.rejection) out.answer.rejection = std::move(*wire.rejection);
  out.answer.command = std::move(wire.command);
  out.answer.reason = std::move(wire.reason);
  return out;
}

}  // namespace groundtruth::journal::peers
