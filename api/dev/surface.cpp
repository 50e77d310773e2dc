// Routes of --dev (api/dev/surface.hpp).
#include "api/dev/surface.hpp"

#include "api/dev/checkout_page.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/requests.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::api::dev {
namespace {

namespace codec = journal::codec;

http::Async<http::Response> style(http::Request&) {
  http::Response response;
  response.content_type = "text/css; charset=utf-8";
  response.body = kCheckoutStyle;
  co_return response;
}

// The fields that are wrong; empty when the value was read, and written to `out`.
template <class T>
FieldErrors write_back(const codec::JsonDocument& document, std::string& out) {
  T value{};
  FieldErrors errors;
  codec::read_json(document, document.root(), value, errors);
  if (errors.empty()) codec::write_json(out, value);
  return errors;
}

// Decided without reading ahead: the benchmark's tasks begin with their title, answers of ours do not.
bool looks_like_a_task(const codec::JsonNode& root) {
  return root.kind == codec::JsonKind::object && root.count > 0 && root.first()->string() == "title";
}

}  // namespace

http::Async<http::Response> echo(http::Request& request) {
  const codec::JsonDocument document(request.body, codec::kRequestLimits);
  if (document.error()) co_return groundtruth::to_response(api::not_json(*document.error()));
  http::Response response;
  response.body.reserve(request.body.size() + request.body.size() / 8);
  FieldErrors errors;
  if (looks_like_a_task(*document.root()))
    errors = write_back<groundtruth::CreateTaskRequest>(document, response.body);
  else
    errors = write_back<domain::JsonObject>(document, response.body);
  if (!errors.empty()) co_return groundtruth::to_response(api::wrong_fields(std::move(errors)));
  co_return response;
}

http::Surface make_dev_surface(Services& services) {
  using http::BodyKind;
  using http::Method;
  constexpr std::size_t json_bytes = 256 * 1024, form_bytes = 4 * 1024;
  http::Surface surface;
  surface.name = "dev";
  surface.on_every_host = true;
  surface.routes = {
      {Method::post, "/dev/echo", "devEcho", echo, BodyKind::json, json_bytes, ""},
      {Method::get, "/dev/checkout.css", "devCheckoutStyle", style, BodyKind::none, 0, ""},
      {Method::get, "/dev/checkout/{id}", "devCheckout",
       [&services](http::Request& request) { return show_checkout(services, request); }, BodyKind::none, 0,
       ""},
      {Method::post, "/dev/checkout/{id}", "devCheckoutAct",
       [&services](http::Request& request) { return act_on_checkout(services, request); }, BodyKind::form,
       form_bytes, ""},
  };
  surface.refuse = [](http::Refusal refusal, const http::Request&, std::string_view detail) {
    return groundtruth::refuse(refusal, detail);
  };
  surface.claims = [](const http::Request& request) { return request.path.starts_with("/dev/"); };
  return surface;
}

}  // namespace groundtruth::api::dev
