// The HTTP/1.1 server. Everything Beast stays behind this header.
//
// Threads: `io_threads` threads, each with its own event loop; a connection lives on one of them for good,
// and its requests are handled one after the other (pipelined requests wait their turn, responses keep their
// order). Faults: a throwing handler answers an opaque 500 with the request id and the log has the cause; a
// client that breaks framing rules is answered and cut; none of it reaches another connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/http/aside.hpp"
#include "api/http/memory_budget.hpp"
#include "api/http/router.hpp"

namespace groundtruth::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  // 0 picks one; see Server::port()
  unsigned io_threads = 2;
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_address = 1'000;
  std::size_t header_limit_bytes = 16 * 1024;
  std::chrono::milliseconds header_timeout{
      10'000};  // from the first byte of a request to the end of its header
  std::chrono::milliseconds idle_timeout{60'000};     // between two requests of a connection
  std::chrono::milliseconds body_timeout{30'000};     // for a body, or for each piece of a streamed one
  std::chrono::milliseconds handler_timeout{30'000};  // becomes Request::deadline
  std::chrono::milliseconds write_timeout{30'000};  // for each response, or for each chunk of a streamed one
  std::chrono::milliseconds drain_timeout{10'000};  // how long stop() lets requests in flight finish
  std::vector<std::string> cors_origins = {};       // empty: no CORS headers; "*" allows every origin
  // Addresses and networks that are believed where they say who their clients are. They have no cap of their
  // own on connections.
  std::vector<std::string> trusted_proxies = {};
  std::string client_address_header = {};  // in which they say it; "": X-Forwarded-For or Forwarded
  std::string server_name = "groundtruth";
  std::shared_ptr<MemoryBudget> memory = {};  // of the process; null: nothing is counted
  AsideOptions aside = {};                    // where requests with large bodies are handled
};

// What went wrong in answering a request.
using ErrorLog =
    std::function<void(std::string_view request_id, std::string_view traceparent, std::string_view what)>;

// One line of the access log, written after the response. Holds no header value, no body and no query.
struct AccessEntry {
  std::string request_id, traceparent, remote_address, method, path, surface, operation;
  int status = 0;
  std::uint64_t request_bytes = 0, response_bytes = 0;
  std::chrono::microseconds duration{0};
};

class Server {
 public:
  // Binds and listens at once; throws std::system_error when the address cannot be had, std::invalid_argument
  // for a trusted proxy that is neither an address nor a network, and a header that cannot be one.
  Server(ServerOptions options, Router router, std::function<void(const AccessEntry&)> access_log,
         ErrorLog error_log);
  ~Server();  // stop()

  void start();  // starts the threads and returns
  void stop();   // stops accepting, finishes requests in flight, joins; idempotent
  std::uint16_t port() const;

  struct Counters {
    std::uint64_t connections_open, connections_total, connections_refused, requests_total;
  };
  Counters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace groundtruth::http
