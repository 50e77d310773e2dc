// See house.hpp.
#include "tests/unit/http/house.hpp"

#include <stdexcept>

namespace groundtruth::http {
namespace {

using Shared = std::shared_ptr<Stage>;

Async<Response> echo(Request& request) {
  Response response;
  response.body = request.body;
  response.header("X-Path", request.path);
  co_return response;
}

Async<Response> hello(Request& request) {
  Response response;
  response.body = "hello " + std::string(request.param("name"));
  response.content_type = "text/plain; charset=utf-8";
  co_return response;
}

Async<Response> empty(Request&) {
  Response response;
  response.status = 204;
  co_return response;
}

Async<Response> headers(Request& request) {
  Response response;
  response.header("Cache-Control", "max-age=60");
  response.header("Content-Length", "999");
  response.header("X-Evil",
                  "a\r\nSet-Cookie: b=c\r\n\r\n" + std::string(request.query_value("v").value_or("")));
  response.header("Bad Name", "x");
  co_return response;
}

Async<Response> address(Request& request) {
  Response response;
  response.body = request.remote_address;
  co_return response;
}

Async<Response> broken(Request&) {
  throw std::runtime_error("the database is on fire");
  co_return Response{};
}

Async<Response> oddly_broken(Request&) {
  throw 42;
  co_return Response{};
}

Async<Response> big(Request&) {
  Response response;
  response.body.assign(32 * 1024 * 1024, 'x');
  co_return response;
}

// Waits until the test calls what it parked.
Async<Response> wait_for_test(Shared stage) {
  auto begin = [&stage](auto done) { stage->park(done); };
  Response response;
  response.body = co_await await_callback<std::string>(begin);
  stage->note("woken");
  co_return response;
}

Async<Response> called_at_once() {
  auto begin = [](auto done) {
    done(std::string("at once"));
    done(std::string("a second call is ignored"));
  };
  Response response;
  response.body = co_await await_callback<std::string>(begin);
  co_return response;
}

Async<Response> called_from_a_thread() {
  auto begin = [](auto done) { std::thread([done] { done(std::string("from a thread")); }).detach(); };
  Response response;
  for (int i = 0; i < 10; ++i) {
    const std::string part = co_await await_callback<std::string>(begin);
    response.body = part;
  }
  co_return response;
}

Async<Response> dropped(Request&) {
  auto begin = [](auto) {};
  Response response;
  response.body = co_await await_callback<std::string>(begin);
  co_return response;
}

Async<Response> throwing_start(Request&) {
  auto begin = [](auto) { throw std::runtime_error("could not begin"); };
  Response response;
  response.body = co_await await_callback<std::string>(begin);
  co_return response;
}

Async<Response> numbers(Request&) {
  Response response;
  response.content_type = "application/x-ndjson";
  response.next_chunk = [i = 0](std::string& chunk) mutable {
    chunk += std::to_string(i) + "\n";
    return ++i < 1000;
  };
  co_return response;
}

Async<Response> halting(Request&) {
  Response response;
  response.next_chunk = [i = 0](std::string& chunk) mutable {
    if (++i % 2 == 1) chunk += "part";
    return i < 4;
  };
  co_return response;
}

Async<Response> endless(Shared stage) {
  Response response;
  response.next_chunk = [stage, i = 0](std::string& chunk) mutable {
    if (i++ == 0) chunk += "first";
    return true;
  };
  co_return response;
}

Async<Response> flood(Request&) {
  Response response;
  response.next_chunk = [](std::string& chunk) {
    chunk.append(64 * 1024, 'x');
    return true;
  };
  co_return response;
}

Async<Response> breaking(Request&) {
  Response response;
  response.next_chunk = [i = 0](std::string& chunk) mutable {
    if (i++ == 3) throw std::runtime_error("the stream broke");
    chunk += "part";
    return true;
  };
  co_return response;
}

Async<std::optional<Response>> guard(Request& request, const Route& route) {
  std::optional<Response> stopped;
  if (request.headers.find("X-Throw")) throw std::runtime_error("guard is broken");
  if (route.scope == "write" && !request.headers.find("Authorization")) {
    stopped.emplace();
    stopped->status = 401;
    stopped->body = "who are you?";
  }
  co_return stopped;
}

Response refuse(Refusal refusal, const Request&, std::string_view detail) {
  static constexpr int kStatus[] = {400, 404, 405, 408, 413, 415, 431, 500, 503};
  Response response;
  response.status = kStatus[static_cast<int>(refusal)];
  response.body = "{\"error\":\"" + std::string(detail) + "\"}";
  return response;
}

}  // namespace

House::House(ServerOptions options) {
  Surface surface;
  surface.name = "test";
  const Shared shared = stage;
  const auto parked = [shared](Request&) { return wait_for_test(shared); };
  surface.routes = {
      {Method::post, "/echo", "echo", echo, BodyKind::json, 1024},
      {Method::post, "/guarded", "guarded", echo, BodyKind::json, 1024, "write"},
      {Method::put, "/raw", "raw", echo, BodyKind::raw, 1024 * 1024},
      {Method::get, "/hello/{name}", "hello", hello},
      {Method::post, "/empty", "empty", empty},
      {Method::get, "/headers", "headers", headers},
      {Method::get, "/address", "address", address},
      {Method::get, "/broken", "broken", broken},
      {Method::get, "/oddly-broken", "oddlyBroken", oddly_broken},
      {Method::get, "/big", "big", big},
      {Method::get, "/wait", "wait", parked},
      {Method::post, "/wait", "waitPost", parked, BodyKind::json},
      {Method::get, "/at-once", "atOnce", [](Request&) { return called_at_once(); }},
      {Method::get, "/thread", "thread", [](Request&) { return called_from_a_thread(); }},
      {Method::get, "/dropped", "dropped", dropped},
      {Method::get, "/throwing-start", "throwingStart", throwing_start},
      {Method::get, "/numbers", "numbers", numbers},
      {Method::get, "/halting", "halting", halting},
      {Method::get, "/endless", "endless", [shared](Request&) { return endless(shared); }},
      {Method::get, "/flood", "flood", flood},
      {Method::get, "/breaking", "breaking", breaking},
  };
  for (Route& route : stream_routes(shared)) surface.routes.push_back(std::move(route));
  surface.guard = guard;
  surface.refuse = refuse;
  surface.finish = [](const Request&, Response& response) { response.header("X-Finished", "yes"); };
  options.port = 0;
  std::vector<Surface> surfaces;
  surfaces.push_back(std::move(surface));
  const auto access = [shared](const AccessEntry& entry) {
    shared->note(entry.method + " " + entry.path + " " + entry.operation + " " +
                 std::to_string(entry.status));
  };
  const auto error = [shared](std::string_view, std::string_view, std::string_view what) {
    shared->note("error: " + std::string(what));
  };
  server = std::make_unique<Server>(std::move(options), Router(std::move(surfaces)), access, error);
  server->start();
}

House::~House() {
  server->stop();
}

}  // namespace groundtruth::http
