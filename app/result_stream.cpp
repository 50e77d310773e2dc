// See result_stream.hpp.
#include "app/result_stream.hpp"

#include <boost/describe.hpp>

#include "journal/codec/json_reader.hpp"

namespace groundtruth::app {
namespace {

struct Step {
  std::string phase;
  std::uint64_t done = 0, total = 0;
};
BOOST_DESCRIBE_STRUCT(Step, (), (phase, done, total))

struct Failure {
  std::string code, message;
};
BOOST_DESCRIBE_STRUCT(Failure, (), (code, message))

struct Line {
  std::optional<Step> progress;
  std::optional<domain::JsonObject> result;
  std::optional<Failure> error;
};
BOOST_DESCRIBE_STRUCT(Line, (), (progress, result, error))

}  // namespace

void ResultStream::feed(std::string_view bytes) {
  pending_ += bytes;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
    take(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end + 1);
  }
}

void ResultStream::take(std::string_view text) {
  const auto line = journal::codec::decode_json<Line>(text, journal::codec::kStoredLimits);
  if (!line) throw CommandError(ExitCode::failed, "the server sent a line that is not understood here");
  if (line.value->progress) {
    const auto& step = *line.value->progress;
    bar_.update(step.done, step.total, step.phase);
  }
  if (line.value->error) throw CommandError(ExitCode::failed, printable(line.value->error->message));
  if (line.value->result) result_ = line.value->result->text;
}

std::string ResultStream::result() const {
  if (!result_)
    throw CommandError(ExitCode::failed, "the server ended its answer without a result; its log says why");
  return *result_;
}

std::string run_streamed(HttpClient& server, const std::string& path, const std::string& label) {
  ProgressBar bar(label);
  ResultStream stream(bar);
  HttpClient::Call call;
  call.method = "POST";
  call.path = path;
  call.on_data = [&](std::string_view bytes) { stream.feed(bytes); };
  success(server.send(call));
  return stream.result();
}

}  // namespace groundtruth::app
