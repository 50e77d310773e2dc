// `groundtruth demo`: the example of seed 000 played on the running server, each step checked. It ends at the
// first surprise.
#include <boost/describe.hpp>
#include <cstdio>
#include <string>

#include "api/ops/projection_report.hpp"
#include "api/ops/verify_report.hpp"
#include "app/commands.hpp"
#include "app/result_stream.hpp"
#include "app/server_file.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/ports.hpp"

namespace groundtruth::app {
namespace {

constexpr int kDigestTries = 5;
constexpr std::string_view kTask =
    R"({"title":"Record a busy street scene","instructions":"Walk any public street for 30 s. Steady hand, no filters.",)"
    R"("modalities":["video"],"reward_cents":250,"target_submissions":100})";
constexpr std::string_view kOtherTask =
    R"({"title":"Record a quiet street scene","instructions":"Walk any public street for 30 s. Steady hand, no filters.",)"
    R"("modalities":["video"],"reward_cents":250,"target_submissions":100})";

// Members of answers that the story looks at. What is not a string reads as its JSON text.
std::string member(const std::string& json, std::string_view path) {
  const journal::codec::JsonDocument document(json);
  if (document.error()) return {};
  const auto* node = document.root();
  while (!path.empty()) {
    const auto name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    const journal::codec::JsonNode* found = nullptr;
    if (node->kind == journal::codec::JsonKind::object)
      for (auto key = node->first(), end = node->next(); key != end; key = key->next()->next())
        if (key->string() == name) found = key->next();
    if (found == nullptr) return {};
    node = found;
  }
  if (node->kind == journal::codec::JsonKind::string) return std::string(node->string());
  return document.raw_text(node);
}

std::string random_word() {
  std::array<std::uint8_t, 8> bytes{};
  journal::system_randomness().fill(bytes);
  std::string word;
  for (const auto byte : bytes) {
    word += static_cast<char>('a' + byte % 16);
    word += static_cast<char>('a' + byte / 16);
  }
  return word;
}

class Story {
 public:
  Story(HttpClient ops, std::string public_url)
      : ops_(std::move(ops)), public_url_(std::move(public_url)), customer_(public_url_, "") {}

  void play() {
    make_organization();
    create_task();
    pay();
    read_task("open");
    retry();
    conflict();
    cancel();
    read_task("cancelled");
    rebuild();
    verify();
  }

 private:
  // One line for the request, one for what tells in the answer.
  static void tell(const std::string& request, const std::string& answer) {
    std::printf("\u2713 %s\n    %s\n", request.c_str(), printable(answer).c_str());
    std::fflush(stdout);
  }
  static void expect(bool holds, const std::string& request, const std::string& answer) {
    if (holds) return;
    std::printf("\u2717 %s\n    %s\n", request.c_str(), printable(answer).c_str());
    throw CommandError(ExitCode::failed, "the demo ends at a surprise: " + request);
  }
  static std::string shown(const HttpAnswer& answer) {
    return std::to_string(answer.status) + " " + answer.body;
  }

  HttpAnswer post(const std::string& path, std::string_view body, std::vector<std::string> headers) {
    return customer_.send({"POST", path, std::string(body), "application/json", std::move(headers), {}});
  }

  void make_organization() {
    const std::string request = "POST /ops/accounts  an organization of its own";
    const auto answer =
        ops_.post("/ops/accounts", R"({"surface":"groundtruth","name":"Demo","email":"demo-)" +
                                       random_word() + R"(@example.com"})");
    expect(answer.status == 201, request, shown(answer));
    customer_ = HttpClient(public_url_, member(answer.body, "api_key"));
    tell(request, "201  " + member(answer.body, "id") + ", key " + member(answer.body, "key.prefix") + "…");
  }

  void create_task() {
    const std::string request = "POST /api/v1/tasks  100 street scenes at $2.50, with an Idempotency-Key";
    created_ = post("/api/v1/tasks", kTask, {"Idempotency-Key: " + idempotency_key_});
    expect(created_.status == 201, request, shown(created_));
    task_ = member(created_.body, "id");
    funding_url_ = member(created_.body, "funding_url");
    expect(member(created_.body, "status") == "funding" && !funding_url_.empty(), request, shown(created_));
    tell(request, "201  " + task_ + " is funding, pay at " + funding_url_ + ", journal position " +
                      created_.header("journal-position"));
  }

  void pay() {
    const auto after_scheme = funding_url_.find("://");
    const auto slash = funding_url_.find('/', after_scheme == std::string::npos ? 0 : after_scheme + 3);
    const std::string path = slash == std::string::npos ? "/" : funding_url_.substr(slash);
    const std::string request = "POST " + path + "  pay on the local checkout page";
    HttpClient browser(public_url_, "");
    const auto answer =
        browser.send({"POST", path, "action=pay", "application/x-www-form-urlencoded", {}, {}});
    expect(answer.status >= 200 && answer.status < 400, request, shown(answer));
    tell(request, std::to_string(answer.status) + "  paid");
  }

  void read_task(const std::string& status) {
    const std::string request = "GET /api/v1/tasks/" + task_;
    const auto answer = customer_.get("/api/v1/tasks/" + task_);
    expect(answer.status == 200 && member(answer.body, "status") == status, request, shown(answer));
    tell(request, "200  the task is " + status);
  }

  void retry() {
    const std::string request = "POST /api/v1/tasks  the same again: a retry, as after a lost answer";
    const auto answer = post("/api/v1/tasks", kTask, {"Idempotency-Key: " + idempotency_key_});
    expect(answer.status == created_.status && answer.body == created_.body &&
               answer.header("idempotent-replayed") == "true",
           request, shown(answer));
    tell(request,
         "201  the same " + std::to_string(answer.body.size()) + " bytes, Idempotent-Replayed: true");
  }

  void conflict() {
    const std::string request = "POST /api/v1/tasks  the same Idempotency-Key, another body";
    const auto answer = post("/api/v1/tasks", kOtherTask, {"Idempotency-Key: " + idempotency_key_});
    expect(answer.status == 422, request, shown(answer));
    tell(request, "422  " + member(answer.body, "error.message"));
  }

  void cancel() {
    const std::string request = "POST /api/v1/tasks/" + task_ + "/cancel";
    const auto answer = post("/api/v1/tasks/" + task_ + "/cancel", "", {});
    expect(answer.status == 200 && member(answer.body, "refunded_cents") == "25000", request, shown(answer));
    tell(request, "200  refunded " + member(answer.body, "refunded_cents") + " cents");
  }

  // The server may write on its own, a key's last use, so only digests of the same positions are compared.
  void rebuild() {
    const std::string request =
        "POST /ops/projections/rebuild  throw the read models away, build them from the journal";
    for (int i = 0; i < kDigestTries; ++i) {
      const auto before = digest();
      run_streamed(ops_, "/ops/projections/rebuild", "rebuilding");
      const auto after = digest();
      if (positions_of(before) != positions_of(after)) continue;
      for (std::size_t k = 0; k < before.projections.size(); ++k)
        expect(before.projections[k].digest == after.projections[k].digest, request,
               before.projections[k].name + " differs from what it was");
      tell(request, "the same digests before and after: " + before.projections.front().name + " " +
                        before.projections.front().digest.substr(0, 16) + "…");
      return;
    }
    expect(false, request, "others wrote all the time, so there were no two digests to compare");
  }

  void verify() {
    const std::string request = "POST /ops/journal/verify  read every commit, check the chain";
    const auto json = run_streamed(ops_, "/ops/journal/verify", "verifying");
    const auto report = journal::codec::decode_json<ops::VerifyView>(json, journal::codec::kStoredDepth);
    expect(report && report.value->sound, request, json);
    tell(request, "sound: " + grouped(report.value->commits) + " commits, " + grouped(report.value->orphans) +
                      " orphans");
  }

  ops::DigestReport digest() {
    auto report = journal::codec::decode_json<ops::DigestReport>(success(ops_.get("/ops/projections/digest")),
                                                                 journal::codec::kStoredDepth);
    if (!report || report.value->projections.empty())
      throw CommandError(ExitCode::failed, "the server's digests are not understood here");
    return std::move(*report.value);
  }
  static std::vector<std::map<std::string, std::uint64_t>> positions_of(const ops::DigestReport& report) {
    std::vector<std::map<std::string, std::uint64_t>> all;
    for (const auto& each : report.projections) all.push_back(each.positions);
    return all;
  }

  HttpClient ops_;
  const std::string public_url_;
  HttpClient customer_;
  const std::string idempotency_key_ = "demo-" + random_word();
  HttpAnswer created_;
  std::string task_, funding_url_;
};

}  // namespace

ExitCode demo(const CommonOptions& common) {
  auto ops = require_server(common.target);
  const auto file = read_server_file(common.target.data);
  if (!file)
    throw CommandError(
        ExitCode::unreachable,
        server_file_path(common.target.data).string() +
            " does not say where the public API is.\nGive the server's data directory with --data DIR.");
  Story(std::move(ops), "http://" + file->listen).play();
  std::printf("\nAll of it went as it should.\n");
  return ExitCode::ok;
}

}  // namespace groundtruth::app
