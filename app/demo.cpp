// `groundtruth demo`: a customer's and a worker's story played on the running server, each step checked. It
// ends at the first surprise.
#include <algorithm>
#include <boost/describe.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "api/ops/projection_report.hpp"
#include "api/ops/verify_report.hpp"
#include "app/commands.hpp"
#include "app/files.hpp"
#include "app/patient_client.hpp"
#include "app/public_api.hpp"
#include "app/result_stream.hpp"
#include "app/server_file.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/sha256.hpp"
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

constexpr std::string_view kWork =
    R"({"title":"Record a street corner","instructions":"One second is enough.",)"
    R"("modalities":["video"],"reward_cents":2500,"target_submissions":1})";
constexpr const char* kPassword = "a long enough password";
constexpr std::string_view kVerifyPath = "/api/v1/worker/verify?token=";
// Longer than it takes until others do the work of a node that was killed; and to ask all that time is no
// more than a worker may.
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kPauseMin{20}, kPauseMax{500};

std::string path_of(const std::string& url) {
  const auto after_scheme = url.find("://");
  const auto slash = url.find('/', after_scheme == std::string::npos ? 0 : after_scheme + 3);
  return slash == std::string::npos ? "/" : url.substr(slash);
}

// What `look` finds before long; "" where it never finds anything.
template <class Look>
std::string eventually(const Look& look) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (auto pause = kPauseMin;; pause = std::min(2 * pause, kPauseMax)) {
    std::string found = look();
    if (!found.empty() || std::chrono::steady_clock::now() >= end) return found;
    std::this_thread::sleep_for(pause);
  }
}

std::string find_mail(const std::filesystem::path& directory, const std::string& worker) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error))
    if (file.path().filename().string().find(worker) != std::string::npos)
      return read_file(file.path()).value_or("");
  return {};
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
  Story(HttpClient ops, std::filesystem::path data, std::string public_url)
      : ops_(std::move(ops)),
        data_(std::move(data)),
        public_url_(std::move(public_url)),
        customer_(visitor("")),
        worker_(visitor("")) {}

  void play() {
    make_organization();
    create_task();
    pay();
    read_task("open");
    retry();
    conflict();
    cancel();
    read_task("cancelled");
    register_worker();
    verify_address();
    log_in();
    offer_work();
    find_task();
    accept();
    upload();
    prove();
    download();
    approve();
    earn();
    read_task("completed");
    check_ledger();
    rebuild();
    verify();
  }

 private:
  PatientClient visitor(const std::string& bearer) const { return {public_url_, bearer, seen_}; }

  // One line for the request, one for what tells in the answer.
  static void tell(const std::string& request, const std::string& answer) {
    std::printf("\u2713 %s\n    %s\n", request.c_str(), printable(answer).c_str());
    std::fflush(stdout);
  }
  static void expect(bool holds, const std::string& request, const std::string& answer) {
    if (holds) return;
    std::printf("\u2717 %s\n    %s\n", request.c_str(), printable(answer).c_str());
    throw CommandError(ExitCode::failed, "the demo stopped at an unexpected answer: " + request);
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
    customer_ = visitor(member(answer.body, "api_key"));
    *seen_ = answer.header("journal-position");
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
    const std::string path = path_of(funding_url_);
    const std::string request = "POST " + path + "  pay on the local checkout page";
    PatientClient browser = visitor("");
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
    expect(answer.status == 409, request, shown(answer));
    tell(request, "409  " + member(answer.body, "error.message"));
  }

  void cancel() {
    const std::string request = "POST /api/v1/tasks/" + task_ + "/cancel";
    const auto answer = post("/api/v1/tasks/" + task_ + "/cancel", "", {});
    expect(answer.status == 200 && member(answer.body, "refunded_cents") == "25000", request, shown(answer));
    tell(request, "200  refunded " + member(answer.body, "refunded_cents") + " cents");
  }

  void register_worker() {
    const std::string request = "POST /api/v1/worker/register  a person who wants to work";
    email_ = "ada-" + random_word() + "@example.com";
    const auto answer =
        worker_.post("/api/v1/worker/register", R"({"name":"Ada","email":")" + email_ + R"(","password":")" +
                                                    kPassword + R"(","skills":["walking"]})");
    expect(answer.status == 201, request, shown(answer));
    worker_id_ = member(answer.body, "worker.id");
    tell(request, "201  " + worker_id_ + ", not verified yet");
  }

  // With --dev mails are files.
  void verify_address() {
    const auto directory = data_ / "mail";
    const std::string request = "press the button behind the link in the mail in " + directory.string();
    const std::string mail = eventually([&] { return find_mail(directory, worker_id_); });
    expect(!mail.empty(), request, "no mail came; the demo needs a server with --dev");
    const auto begin = mail.find(kVerifyPath);
    const std::string link = mail.substr(begin, mail.find_first_of("\r\n", begin) - begin);
    const auto answer = worker_.post(link);
    expect(answer.status == 200 && member(answer.body, "verified") == "true", request, shown(answer));
    tell(request, "200  " + member(answer.body, "message"));
  }

  void log_in() {
    const std::string request = "POST /api/v1/worker/login";
    const auto answer = worker_.post("/api/v1/worker/login",
                                     R"({"email":")" + email_ + R"(","password":")" + kPassword + R"("})");
    expect(answer.status == 200, request, shown(answer));
    worker_ = visitor(member(answer.body, "token"));
    tell(request, "200  a token until " + member(answer.body, "expires_at"));
  }

  void offer_work() {
    const std::string request = "POST /api/v1/tasks  one scene at $25, paid at once";
    const auto answer = post("/api/v1/tasks", kWork, {});
    expect(answer.status == 201, request, shown(answer));
    task_ = member(answer.body, "id");
    funding_url_ = member(answer.body, "funding_url");
    tell(request, "201  " + task_);
    pay();
  }

  void find_task() {
    const std::string request = "GET /api/v1/worker/feed";
    std::string cursor;
    int pages = 0;
    for (bool found = false; !found; ++pages) {
      const auto answer =
          worker_.get("/api/v1/worker/feed?limit=100" + (cursor.empty() ? cursor : "&cursor=" + cursor));
      expect(answer.status == 200, request, shown(answer));
      found = answer.body.find(task_) != std::string::npos;
      cursor = member(answer.body, "next_cursor");
      expect(found || cursor != "null", request, "the task is not in the feed");
    }
    tell(request, "200  the task is on page " + std::to_string(pages));
  }

  void accept() {
    const std::string request = "POST /api/v1/worker/tasks/" + task_ + "/accept";
    const auto answer = worker_.post("/api/v1/worker/tasks/" + task_ + "/accept");
    expect(answer.status == 200, request, shown(answer));
    tell(request, "200  a place is kept until " + member(answer.body, "expires_at"));
  }

  void upload() {
    const std::string request = "POST …/uploads, then PUT the recording to the signed URL";
    const auto file = find_share_directory().value_or("share") / "demo" / "street.mp4";
    const auto recorded = read_file(file);
    expect(recorded.has_value(), request, "there is no recording at " + file.string());
    recording_ = *recorded;
    const auto announced = worker_.post("/api/v1/worker/tasks/" + task_ + "/uploads",
                                        R"({"filename":"street.mp4","content_type":"video/mp4","bytes":)" +
                                            std::to_string(recording_.size()) + R"(,"sha256":")" +
                                            journal::codec::sha256_hex(recording_) + R"("})");
    expect(announced.status == 201, request, shown(announced));
    upload_ = member(announced.body, "upload_id");
    PatientClient anyone = visitor("");
    const auto stored =
        anyone.send({"PUT", path_of(member(announced.body, "url")), recording_, "video/mp4", {}, {}});
    expect(stored.ok(), request, shown(stored));
    tell(request, std::to_string(stored.status) + "  " + grouped(recording_.size()) +
                      " bytes, verified by their hash");
  }

  void prove() {
    const std::string request = "POST …/proof";
    const auto answer =
        worker_.post("/api/v1/worker/tasks/" + task_ + "/proof", R"({"uploads":[")" + upload_ + R"("]})");
    expect(answer.status == 201, request, shown(answer));
    submission_ = member(answer.body, "submission.id");
    tell(request, "201  " + submission_ + " waits for its review");
  }

  void download() {
    const std::string request = "GET /api/v1/submissions/" + submission_ + ", then its media_url";
    const auto answer = customer_.get("/api/v1/submissions/" + submission_);
    expect(answer.status == 200, request, shown(answer));
    PatientClient anyone = visitor("");
    const auto media = anyone.get(path_of(member(answer.body, "media_url")));
    expect(media.status == 200 && media.body == recording_, request, std::to_string(media.status));
    tell(request,
         "200  the recording, byte for byte, " + member(answer.body, "duration_seconds") + " s long");
  }

  void approve() {
    const std::string request = "POST /api/v1/submissions/" + submission_ + "/approve";
    const auto answer = post("/api/v1/submissions/" + submission_ + "/approve", "", {});
    expect(answer.status == 200, request, shown(answer));
    tell(request, "200  " + member(answer.body, "reward_cents") + " cents are on their way");
  }

  // The pay reaches the worker's own chain by a relay.
  void earn() {
    const std::string request = "GET /api/v1/worker/earnings";
    const auto earned = eventually([&] {
      const auto answer = worker_.get("/api/v1/worker/earnings");
      expect(answer.status == 200, request, shown(answer));
      const auto cents = member(answer.body, "periods.all_time.earned_cents");
      return cents == "0" ? std::string() : cents;
    });
    expect(earned == "2500", request, earned.empty() ? "no pay came" : earned);
    tell(request, "200  " + earned + " cents earned");
  }

  void check_ledger() {
    const std::string request =
        "POST /ops/ledger/check  every posting sums to zero, nothing is lost on the way";
    const auto json = run_streamed(ops_, "/ops/ledger/check", "checking");
    expect(member(json, "sound") == "true", request, json);
    tell(request,
         "sound: " + member(json, "postings") + " postings, " + member(json, "wallets") + " wallets");
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
    const auto report = journal::codec::decode_json<ops::VerifyView>(json, journal::codec::kStoredLimits);
    expect(report && report.value->sound, request, json);
    tell(request, "sound: " + grouped(report.value->commits) + " commits, " + grouped(report.value->orphans) +
                      " orphans");
  }

  ops::DigestReport digest() {
    auto report = journal::codec::decode_json<ops::DigestReport>(success(ops_.get("/ops/projections/digest")),
                                                                 journal::codec::kStoredLimits);
    if (!report || report.value->projections.empty())
      throw CommandError(ExitCode::failed,
                         "cannot understand the server's digests; is the server another version?");
    return std::move(*report.value);
  }
  static std::vector<std::map<std::string, std::uint64_t>> positions_of(const ops::DigestReport& report) {
    std::vector<std::map<std::string, std::uint64_t>> all;
    for (const auto& each : report.projections) all.push_back(each.positions);
    return all;
  }

  HttpClient ops_;
  const std::filesystem::path data_;
  const std::string public_url_;
  const PatientClient::Seen seen_ = std::make_shared<std::string>();
  PatientClient customer_, worker_;
  const std::string idempotency_key_ = "demo-" + random_word();
  HttpAnswer created_;
  std::string task_, funding_url_;
  std::string email_, worker_id_, upload_, submission_, recording_;
};

}  // namespace

ExitCode demo(const CommonOptions& common, const std::string& url) {
  auto ops = require_server(common.target);
  const auto file = read_server_file(common.target.data);
  if (!file)
    throw CommandError(
        ExitCode::unreachable,
        server_file_path(common.target.data).string() +
            " does not say where the public API is.\nGive the server's data directory with --data DIR.");
  if (file->listen.empty() && url.empty())
    throw CommandError(
        ExitCode::failed,
        "the server of " + common.target.data.string() +
            " has no public API (--roles).\nStart it with the role api, as it is without --roles.");
  Story(std::move(ops), common.target.data, url.empty() ? "http://" + file->listen : url).play();
  std::printf("\nAll of it went as it should.\n");
  return ExitCode::ok;
}

}  // namespace groundtruth::app
