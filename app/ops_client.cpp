// See ops_client.hpp.
#include "app/ops_client.hpp"

#include <curl/curl.h>

#include <vector>

#include "app/address.hpp"
#include "app/files.hpp"
#include "app/server_file.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_view.hpp"

namespace groundtruth::app {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
// Work on a large journal may say nothing for a while; a peer that is silent for longer than this is gone.
constexpr long kSilenceSeconds = 120;

struct Sink {
  CURL* curl = nullptr;
  const HttpClient::OnData* on_data = nullptr;
  std::string* body = nullptr;
  std::exception_ptr failure;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& sink = *static_cast<Sink*>(context);
  try {
    long status = 0;
    curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &status);
    if (*sink.on_data && status >= 200 && status < 300) {
      (*sink.on_data)({data, size});
    } else {
      sink.body->append(data, size);
    }
    return size;
  } catch (...) {
    sink.failure = std::current_exception();  // C code cannot carry it; send() throws it again
    return 0;
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& headers = *static_cast<std::vector<std::pair<std::string, std::string>>*>(context);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/"))
    headers.clear();  // another response of the same exchange, e.g. after 100 Continue
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  auto value = line.substr(colon + 1);
  const auto begin = value.find_first_not_of(" \t");
  const auto end = value.find_last_not_of(" \t\r\n");
  value = begin == std::string_view::npos || end < begin ? "" : value.substr(begin, end - begin + 1);
  headers.emplace_back(std::move(name), value);
  return size;
}

// The message of {"error":{"code","message"}}, or "" when the body is something else.
std::string message_of(const std::string& body) {
  const journal::codec::JsonDocument document(body, journal::codec::kStoredLimits);
  if (document.error() || document.root()->kind != journal::codec::JsonKind::object) return {};
  const auto member = [](const journal::codec::JsonNode* object, std::string_view name) {
    for (auto key = object->first(), end = object->next(); key != end; key = key->next()->next())
      if (key->string() == name) return key->next();
    return static_cast<const journal::codec::JsonNode*>(nullptr);
  };
  const auto* error = member(document.root(), "error");
  if (error == nullptr || error->kind != journal::codec::JsonKind::object) return {};
  const auto* message = member(error, "message");
  if (message == nullptr || message->kind != journal::codec::JsonKind::string) return {};
  return std::string(message->string());
}

}  // namespace

std::string HttpAnswer::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

struct HttpClient::Handle {
  CURL* curl = nullptr;
  std::string bearer;
  ~Handle() { curl_easy_cleanup(curl); }
};

HttpClient::HttpClient(std::string base_url, std::string bearer)
    : base_url_(std::move(base_url)), handle_(std::make_unique<Handle>()) {
  handle_->curl = curl_easy_init();
  handle_->bearer = std::move(bearer);
  if (handle_->curl == nullptr) throw CommandError(ExitCode::failed, "libcurl cannot be set up");
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

HttpAnswer HttpClient::send(const Call& call) {
  CURL* curl = handle_->curl;
  HttpAnswer answer;
  Sink sink{curl, &call.on_data, &answer.body, nullptr};
  curl_easy_reset(curl);  // keeps the connection
  const std::string url = base_url_ + call.path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // an operator's call never leaves by a proxy of the environment
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilenceSeconds);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);

  curl_slist* headers = nullptr;
  const auto add_header = [&](const std::string& line) {
    headers = curl_slist_append(headers, line.c_str());
  };
  if (!handle_->bearer.empty()) add_header("Authorization: Bearer " + handle_->bearer);
  if (call.method == "POST" || !call.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    // Without a body there is no type to name; libcurl would name one of its own.
    add_header(call.body.empty() ? "Content-Type:" : "Content-Type: " + call.content_type);
    add_header("Expect:");
  }
  for (const auto& line : call.headers) add_header(line);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);

  if (sink.failure) std::rethrow_exception(sink.failure);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  if (code == CURLE_OK) return answer;
  const std::string reason = curl_easy_strerror(code);
  if (code == CURLE_COULDNT_CONNECT || answer.status == 0)
    throw CommandError(ExitCode::unreachable,
                       "no server answers at " + base_url_ + " (" + reason +
                           ").\nStart one with `groundtruth serve`, or name another with --ops.");
  throw CommandError(ExitCode::failed, "the answer of " + base_url_ + " broke off (" + reason +
                                           "); its log says why. Try again.");
}

std::optional<HttpClient> find_server(const ServerTarget& target) {
  Address ops;
  if (target.ops.empty()) {
    const auto file = read_server_file(target.data);
    if (!file || !is_alive(file->pid)) return std::nullopt;
    const auto parsed = parse_address(file->ops);
    if (!parsed)
      throw CommandError(ExitCode::unreachable, server_file_path(target.data).string() +
                                                    " holds no address: '" + printable(file->ops) +
                                                    "'. Name the server with --ops HOST:PORT.");
    ops = *parsed;
  } else {
    const auto parsed = parse_address(target.ops);
    if (!parsed)
      throw CommandError(ExitCode::usage, "--ops: '" + printable(target.ops) +
                                              "' is not an address; write HOST:PORT, e.g. 127.0.0.1:8081.");
    ops = *parsed;
  }
  const auto token_file = target.data / "ops.token";
  std::optional<std::string> token;
  try {
    token = read_file(token_file);
  } catch (const std::system_error& error) {
    throw CommandError(ExitCode::unreachable, std::string("cannot read the operators' token: ") +
                                                  error.what() +
                                                  ".\nRun this as the user that runs the server.");
  }
  if (!token)
    throw CommandError(ExitCode::unreachable, "there is no operators' token at " + token_file.string() +
                                                  ".\nGive the server's data directory with --data DIR.");
  while (!token->empty() && token->back() == '\n') token->pop_back();
  HttpClient client("http://" + to_string(reachable(ops)), *token);
  if (target.ops.empty()) {
    // The file may be a dead process's and its id another one's by now: only an answer proves a server.
    try {
      client.get("/livez");
    } catch (const CommandError& error) {
      if (error.code() != ExitCode::unreachable) throw;
      return std::nullopt;
    }
  }
  return client;
}

HttpClient require_server(const ServerTarget& target) {
  auto client = find_server(target);
  if (client) return std::move(*client);
  const auto file = read_server_file(target.data);
  std::string why = file ? "its server (process " + std::to_string(file->pid) + ") is gone or does not answer"
                         : "no server runs for it";
  throw CommandError(ExitCode::unreachable,
                     target.data.string() + ": " + why + ".\nStart one with `groundtruth serve --data " +
                         target.data.string() + "`, or name another directory with --data DIR.");
}

std::string success(const HttpAnswer& answer) {
  if (answer.ok()) return answer.body;
  std::string message = message_of(answer.body);
  if (answer.status == 401)
    message = "the server does not take this token; is --data the directory that it serves?";
  if (message.empty()) message = "the server answered " + std::to_string(answer.status);
  throw CommandError(answer.status == 503 ? ExitCode::unreachable : ExitCode::failed, printable(message));
}

}  // namespace groundtruth::app
