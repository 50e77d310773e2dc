// Routes: one visible table a surface, and the choice of the surface that answers (CONTRACTS, "Which surface
// answers").
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"

namespace groundtruth::http {

enum class BodyKind : std::uint8_t {
  none,      // a body is refused by 400 in the surface's format, unless it is empty
  json,      // Content-Type must be application/json (charset utf-8 allowed), else 415
  form,      // like raw; Content-Type application/x-www-form-urlencoded is for the handler to check
  raw,       // any Content-Type: signed callbacks; the handler looks at it
  streamed,  // like raw, but the handler runs before the body is read and reads it itself: uploads
};

struct Route {
  Method method;
  std::string_view pattern;    // "/api/v1/tasks/{id}": a parameter is one whole segment
  std::string_view operation;  // operationId of the surface's OpenAPI document
  std::function<Async<Response>(Request&)> handle;
  BodyKind body = BodyKind::none;
  std::size_t body_limit_bytes = 256 * 1024;
  std::string_view scope =
      {};  // what the surface's guard demands: "" (nobody in particular), "read", "write", "admin"
  // What it looks at is never answered before it can be seen, or it waits by itself where it sees nothing: it
  // need not wait for all that was answered so.
  bool awaits_nothing = false;
  // Refuses, after the guard and before the body is read, what can be known without it: a request that is
  // not permitted is not worth its body. nullopt reads on.
  std::function<Async<std::optional<Response>>(Request&)> admit = {};
};

// Refusals that the server itself makes, rendered in the surface's own error format.
enum class Refusal : std::uint8_t {
  bad_request,         // 400 malformed framing, target or header
  not_found,           // 404 no such path
  method_not_allowed,  // 405, the server adds Allow
  timeout,             // 408 header or body did not come in time
  body_too_large,      // 413
  unsupported_media,   // 415
  headers_too_large,   // 431
  internal,            // 500, opaque; the log holds the cause under the request id
  unavailable,         // 503, the server adds Retry-After
};

// A handler throws it where what it needs is away: a store that does not answer, a disk that is full. Becomes
// Refusal::unavailable; the log holds the cause.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One public API: its routes, who may call them and how it words a refusal. Immutable once given to the
// server; called from every I/O thread at once.
struct Surface {
  std::string name;                // "groundtruth", "ops", …
  std::vector<std::string> hosts;  // host names bound to it by configuration; may be empty
  // What it claims is its own under host names that are bound to others too: media, pages, the workers'
  // paths.
  bool on_every_host = false;
  std::vector<Route> routes;
  // Runs after the route was found and before the body is read: limits, credential, scope, in CONTRACTS'
  // order. Sets request.principal, or returns the response that ends the request.
  std::function<Async<std::optional<Response>>(Request&, const Route&)> guard;
  // Runs on every response of this surface, refusals included, e.g. to add rate-limit headers.
  std::function<void(const Request&, Response&)> finish;
  std::function<Response(Refusal, const Request&, std::string_view detail)> refuse;
  // True when a request belongs here by its path or credential; asked in the order of registration, of the
  // surfaces that the host name leaves. What none of them claims goes to the one that is bound to the host
  // name.
  std::function<bool(const Request&)> claims;
};

struct Match {
  const Surface* surface = nullptr;
  const Route* route = nullptr;  // nullptr: 404, or 405 when `allowed` is not empty
  std::vector<Method> allowed;   // methods that the path has (HEAD wherever GET, OPTIONS always)
};

class Router {
 public:
  // The last surface answers what nobody claims. Throws std::invalid_argument on a malformed or a doubled
  // route.
  explicit Router(std::vector<Surface> surfaces);
  // Fills request.params on a match. HEAD matches a GET route.
  Match match(Request& request) const;
  // Who answers: a host binding, else who claims it, else the last one.
  const Surface& surface_for(const Request& request) const;
  const std::vector<Surface>& surfaces() const { return surfaces_; }

 private:
  // A node of a surface's tree of path segments.
  struct Node {
    std::vector<std::pair<std::string, std::size_t>> literals;  // segment, node
    std::size_t parameter = 0;                                  // node; 0: none
    std::array<std::size_t, 7> routes;                          // by Method; kNone: none
  };
  struct Tree {
    std::vector<Node> nodes;
    std::vector<std::vector<std::string>> parameter_names;  // by route
  };

  static Tree plant(const Surface& surface);

  std::vector<Surface> surfaces_;
  std::vector<Tree> trees_;
};

}  // namespace groundtruth::http
