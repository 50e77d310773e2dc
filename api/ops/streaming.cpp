// See streaming.hpp.
#include "api/ops/streaming.hpp"

#include <exception>

#include "api/ops/errors.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::string_view kBusy =
    "too many of these jobs are running already; try again when one has finished";

// Cancels the work when the response is gone, read to its end or not.
struct Reader {
  explicit Reader(std::shared_ptr<Report> r, std::function<void(Report&)> on_end)
      : report(std::move(r)), end(std::move(on_end)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { end(*report); }
  std::shared_ptr<Report> report;
  std::function<void(Report&)> end;
};

}  // namespace

void Report::progress(std::string_view phase, std::uint64_t done, std::uint64_t total) {
  std::string line = "{\"progress\":{\"phase\":";
  journal::codec::append_string(line, phase);
  line += ",\"done\":" + std::to_string(done) + ",\"total\":" + std::to_string(total) + "}}\n";
  const std::lock_guard lock(mutex_);
  progress_ = std::move(line);
}

void Report::result(std::string json) {
  const std::lock_guard lock(mutex_);
  last_ = "{\"result\":" + std::move(json) + "}\n";
}

void Report::fail(std::string line) {
  const std::lock_guard lock(mutex_);
  last_ = std::move(line);
}

bool Report::take(std::string& out) {
  const std::lock_guard lock(mutex_);
  out += progress_;
  progress_.clear();
  if (!ended_) return true;
  out += last_;
  last_.clear();
  return false;
}

Jobs::~Jobs() {
  close();
}

void Jobs::close() {
  std::vector<Running> last;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    last.swap(running_);
    for (auto& job : last) job.report->cancelled_ = true;
  }
  for (auto& job : last) job.thread.join();
}

bool Jobs::start(std::shared_ptr<Report> report, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  std::erase_if(running_, [](Running& job) {
    if (!*job.done) return false;
    job.thread.join();
    return true;
  });
  if (running_.size() >= max_running_) return false;
  auto done = std::make_shared<std::atomic<bool>>(false);
  std::thread thread([work = std::move(work), done]() mutable {
    work();
    work = nullptr;  // what it holds is gone before somebody may wait for nothing but this thread
    *done = true;
  });
  running_.push_back({std::move(report), std::move(done), std::move(thread)});
  return true;
}

http::Response Jobs::stream(std::function<void(Report&)> work) {
  auto report = std::make_shared<Report>();
  const bool started = start(report, [report, work = std::move(work)] {
    try {
      work(*report);
    } catch (const std::exception& failure) {
      report->fail(error_line("failed", failure.what()));
    }
    const std::lock_guard lock(report->mutex_);
    report->ended_ = true;
  });
  if (!started) {
    auto response = error(503, "busy", kBusy);
    response.header("Retry-After", "5");
    return response;
  }
  http::Response response;
  response.content_type = "application/x-ndjson";
  response.header("Cache-Control", "no-store");
  auto reader = std::make_shared<Reader>(report, [](Report& ended) { ended.cancelled_ = true; });
  response.next_chunk = [reader](std::string& chunk) { return reader->report->take(chunk); };
  return response;
}

bool Jobs::run(std::function<void()> work) {
  return start(std::make_shared<Report>(), std::move(work));
}

}  // namespace groundtruth::ops
