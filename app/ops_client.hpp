// The operator API as the command line calls it. libcurl stays behind this header.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/exit_code.hpp"
#include "journal/codec/json_reader.hpp"

namespace groundtruth::app {

struct HttpAnswer {
  long status = 0;
  std::string body;                                            // "" of a success that was streamed
  std::vector<std::pair<std::string, std::string>> headers;    // names in lower case
  std::string header(std::string_view lower_case_name) const;  // "" where there is none
  bool ok() const { return status >= 200 && status < 300; }
};

// One connection, kept open between calls. Not thread-safe.
class HttpClient {
 public:
  using OnData = std::function<void(std::string_view)>;
  struct Call {
    std::string method = "GET";
    std::string path;  // with query, percent-encoded
    std::string body;
    std::string content_type = "application/json";  // where there is a body
    std::vector<std::string> headers;               // "Name: value"
    OnData on_data;  // takes a success as it comes, piece by piece; errors are collected all the same
  };

  // `base_url` without a slash at its end; `bearer` may be "".
  HttpClient(std::string base_url, std::string bearer);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // Throws CommandError: `unreachable` when nobody answers, `failed` when the answer breaks off.
  HttpAnswer send(const Call& call);

  HttpAnswer get(const std::string& path) { return send({"GET", path, {}, {}, {}, {}}); }
  HttpAnswer post(const std::string& path, std::string body = {}) {
    return send({"POST", path, std::move(body), "application/json", {}, {}});
  }
  HttpAnswer del(const std::string& path) { return send({"DELETE", path, {}, {}, {}, {}}); }

  const std::string& base_url() const { return base_url_; }

 private:
  struct Handle;
  std::string base_url_;
  std::unique_ptr<Handle> handle_;
};

// Which server a command speaks to.
struct ServerTarget {
  std::filesystem::path data = "./data";
  std::string ops;  // "" takes the address from DATA/server.json
  // Where the journal is, where no server runs: as `serve` is told.
  std::optional<std::filesystem::path> config;
  std::optional<std::string> journal, brokers;
  bool dev = false;  // a journal on Kafka may have one broker
};

// nullopt when no server runs for that data directory: no server.json, or one that a killed process left.
// Throws CommandError (`unreachable`) when one should run and its token cannot be had, and (`usage`) on a bad
// address.
std::optional<HttpClient> find_server(const ServerTarget& target);

// The same, but a server is needed: throws CommandError (`unreachable`) with what to do.
HttpClient require_server(const ServerTarget& target);

// Returns the answer's body, or throws CommandError (`failed`) with the server's own message.
std::string success(const HttpAnswer& answer);

// What a server said, as a value. Throws CommandError (`failed`) where it is of another version.
template <class T>
T read_answer(const std::string& json) {
  auto decoded = journal::codec::decode_json<T>(json, journal::codec::kStoredLimits);
  if (!decoded)
    throw CommandError(ExitCode::failed,
                       "cannot understand the server's answer; is the server another version?");
  return std::move(*decoded.value);
}

}  // namespace groundtruth::app
