// Fuzzes the way from bytes to a request: no crash, the rules of framing hold for whatever is let in, and how
// the bytes were cut into packets never changes the verdict.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/http/parser.hpp"

namespace {

using namespace groundtruth::http;
using State = RequestParser::State;

constexpr std::size_t kHeaderLimit = 512;
constexpr std::size_t kBodyLimit = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  State state = State::need_more;
  int refusal = -1;
  std::string path, body;
  std::size_t fields = 0;
  bool operator==(const Outcome&) const = default;
};

void check_rules(const Request& request, const RequestParser& parser) {
  require(request.path.find('\0') == std::string::npos);
  require(request.path.starts_with('/') || request.path == "*");
  require(request.headers.count("Host") <= 1);
  require(parser.minor_version() == 0 || request.headers.count("Host") == 1);
  require(request.headers.count("Content-Length") <= 1);
  const auto coding = request.headers.find("Transfer-Encoding");
  if (coding) {
    require(parser.minor_version() == 1 && parser.framing().body == BodyFraming::chunked);
    require(equals_ignoring_case(*coding, "chunked") && request.headers.count("Content-Length") == 0);
  }
  for (const auto& [name, value] : request.headers) {
    require(!name.empty() && value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

Outcome read(std::string_view bytes, std::size_t step) {
  RequestParser parser(kHeaderLimit);
  Request request;
  parser.start(request);
  Outcome outcome;
  std::size_t available = std::min(step, bytes.size());
  const auto feed = [&] {
    if (available == bytes.size()) return false;
    available = std::min(available + step, bytes.size());
    return true;
  };
  do {
    outcome.state = parser.read_head(bytes.substr(0, available));
  } while (outcome.state == State::need_more && feed());
  if (outcome.state == State::done) {
    check_rules(request, parser);
    outcome.path = request.path;
    outcome.fields = request.headers.size();
    std::size_t start = parser.head_bytes();
    require(start <= available && start <= kHeaderLimit);
    if (parser.framing().body == BodyFraming::chunked) {
      parser.limit_body(kBodyLimit);
      do {
        std::size_t used = 0;
        outcome.state = parser.read_chunked(bytes.substr(start, available - start), used);
        start += used;
        require(start <= available);
      } while (outcome.state == State::need_more && feed());
      require(request.body.size() <= kBodyLimit);
      require(request.headers.size() == outcome.fields);  // trailers stay out
      if (outcome.state == State::done) outcome.body = request.body;
    }
  }
  if (outcome.state == State::fault) outcome.refusal = static_cast<int>(parser.fault().refusal);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(bytes, std::max<std::size_t>(size, 1));
  // What is cut in pieces may be refused earlier, by another rule, but never let in.
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    const Outcome cut = read(bytes, step);
    require((cut.state == State::done) == (whole.state == State::done));
    if (whole.state == State::done) require(cut == whole);
  }
  return 0;
}
