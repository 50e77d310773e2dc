// See parser.hpp. The only unit that includes Beast.
#include "api/http/parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "api/http/target.hpp"

namespace groundtruth::http {

namespace {

namespace beast = boost::beast;
using ErrorCode = beast::error_code;

constexpr std::size_t kMaxFields = 100;
constexpr std::size_t kShortestChunkedRest = 5;  // "0\r\n\r\n"

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::optional<Method> to_method(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return Method::get;
    case beast::http::verb::head:
      return Method::head;
    case beast::http::verb::post:
      return Method::post;
    case beast::http::verb::put:
      return Method::put;
    case beast::http::verb::patch:
      return Method::patch;
    case beast::http::verb::delete_:
      return Method::del;
    case beast::http::verb::options:
      return Method::options;
    default:
      return std::nullopt;
  }
}

// Writes straight into our request, so that no field is copied twice.
class FieldSink final : public beast::http::basic_parser<true> {
 public:
  explicit FieldSink(Request& request) : request_(request) {}

  bool knows_method = true;
  int minor_version = 1;
  bool too_many_fields = false;

 private:
  void on_request_impl(beast::http::verb verb, beast::string_view, beast::string_view target, int version,
                       ErrorCode&) override {
    const auto method = to_method(verb);
    knows_method = method.has_value();
    request_.method = method.value_or(Method::options);
    request_.target.assign(view(target));
    minor_version = version - 10;
  }
  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     ErrorCode& error) override {
    if (in_trailers_) return;
    if (request_.headers.size() == kMaxFields) {
      too_many_fields = true;
      error = beast::http::error::header_limit;
      return;
    }
    request_.headers.add(view(name), view(value));
  }
  void on_header_impl(ErrorCode&) override { in_trailers_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view body, ErrorCode&) override {
    request_.body.append(view(body));
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, ErrorCode&) override {
    request_.body.append(view(body));
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  Request& request_;
  bool in_trailers_ = false;
};

}  // namespace

class RequestParser::Impl {
 public:
  std::optional<FieldSink> sink;
  std::size_t parsed_bytes = 0;
};

RequestParser::RequestParser(std::size_t header_limit_bytes)
    : header_limit_bytes_(header_limit_bytes), impl_(std::make_unique<Impl>()) {}

RequestParser::~RequestParser() = default;

void RequestParser::start(Request& request) {
  request_ = &request;
  impl_->sink.emplace(request);
  impl_->sink->header_limit(static_cast<std::uint32_t>(header_limit_bytes_));
  impl_->sink->body_limit(boost::none);  // ours: Beast's would come before we know the route
  impl_->parsed_bytes = 0;
  head_bytes_ = 0;
}

RequestParser::State RequestParser::fail(Refusal refusal, std::string_view detail) {
  fault_ = Fault{refusal, detail};
  return State::fault;
}

RequestParser::State RequestParser::read_head(std::string_view bytes) {
  FieldSink& sink = *impl_->sink;
  ErrorCode error;
  while (!sink.is_header_done()) {
    const std::string_view rest = bytes.substr(impl_->parsed_bytes);
    impl_->parsed_bytes += sink.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    if (error) break;
  }
  if (error == beast::http::error::need_more) {
    if (bytes.size() < header_limit_bytes_) return State::need_more;
    error = beast::http::error::header_limit;
  }
  // As far as the request line came, the path tells which surface words the refusal.
  const bool good_target = !request_->target.empty() && parse_target(*request_);
  if (error == beast::http::error::header_limit || impl_->parsed_bytes > header_limit_bytes_) {
    return fail(Refusal::headers_too_large,
                sink.too_many_fields ? "too many header fields" : "header too large");
  }
  head_bytes_ = impl_->parsed_bytes;
  if (error == beast::http::error::bad_version)
    return fail(Refusal::bad_request, "HTTP version must be 1.0 or 1.1");
  if (error) return fail(Refusal::bad_request, "malformed request line or header");
  if (has_folded_line(bytes.substr(0, head_bytes_))) return fail(Refusal::bad_request, "folded header line");
  if (const auto fault = check_framing(sink.minor_version, request_->headers, framing_)) {
    return fail(fault->refusal, fault->detail);
  }
  if (!good_target) return fail(Refusal::bad_request, "malformed request target");
  return State::done;
}

void RequestParser::limit_body(std::size_t limit_bytes) {
  impl_->sink->body_limit(limit_bytes);
  // One byte a chunk costs six on the wire; past that it is chunk extensions, which nobody needs.
  chunked_budget_bytes_ = 8 * static_cast<std::uint64_t>(limit_bytes) + header_limit_bytes_;
}

RequestParser::State RequestParser::read_chunked(std::string_view bytes, std::size_t& consumed) {
  FieldSink& sink = *impl_->sink;
  consumed = 0;
  // Whatever comes, at least these many bytes are missing; with fewer an assertion in Beast would trip.
  while (bytes.size() - consumed >= kShortestChunkedRest) {
    const std::string_view rest = bytes.substr(consumed);
    ErrorCode error;
    const std::size_t used = sink.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    consumed += used;
    if (used > chunked_budget_bytes_) return fail(Refusal::bad_request, "chunk extensions too large");
    chunked_budget_bytes_ -= used;
    if (sink.is_done()) return State::done;
    if (error == beast::http::error::need_more) {
      if (bytes.size() - consumed >= header_limit_bytes_) {
        return fail(Refusal::bad_request, "chunk header or trailers too large");
      }
      return State::need_more;
    }
    if (error == beast::http::error::body_limit) return fail(Refusal::body_too_large, "body too large");
    if (error) return fail(Refusal::bad_request, "malformed chunked body");
  }
  return State::need_more;
}

void RequestParser::give_up(Refusal refusal, std::string_view detail) {
  // As far as the request line came, the path tells which surface words the refusal.
  if (!request_->target.empty()) parse_target(*request_);
  fail(refusal, detail);
}

bool RequestParser::knows_method() const {
  return impl_->sink->knows_method;
}
int RequestParser::minor_version() const {
  return impl_->sink->minor_version;
}

}  // namespace groundtruth::http
