// See log.hpp.
#include "app/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "app/access_log.hpp"
#include "app/terminal.hpp"
#include "domain/values.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

constexpr std::size_t kMaxMessageBytes = 8 * 1024;

// Of the line that this thread is writing: spdlog formats it within the call.
thread_local RequestNames names_of_request;

// {"at":"…","level":"info","message":"…"}, and of a request "request_id" and "traceparent".
class JsonLines final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    using journal::codec::append_string;
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = "{\"at\":\"" + domain::to_rfc3339_ms({since_epoch.count()}) + "\",\"level\":\"";
    line.append(level.data(), level.size());
    if (!names_of_request.request_id.empty()) {
      line += "\",\"request_id\":";
      append_string(line, names_of_request.request_id);
      line += ",\"traceparent\":";
      append_string(line, names_of_request.traceparent);
      line += ",\"message\":";
    } else {
      line += "\",\"message\":";
    }
    append_string(line, shortened({message.payload.data(), message.payload.size()}, kMaxMessageBytes));
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonLines>(); }
};

class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {  // LogFile has its own
 public:
  FileSink(const std::string& file, LogFileLimits limits) : file_(file, limits) {}
  void reopen() { file_.reopen(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::size_t written = 0;
    file_.append({line.data(), line.size()}, written);
  }
  void flush_() override {}

 private:
  LogFile file_;
};

}  // namespace

void log_of_request(spdlog::logger& log, RequestNames request, std::string_view what) {
  names_of_request = request;
  log.error("request {}: {}", request.request_id, what);
  names_of_request = {};
}

void reopen(const spdlog::logger& log) {
  for (const auto& sink : log.sinks())
    if (auto* file = dynamic_cast<FileSink*>(sink.get())) file->reopen();
}

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  spdlog::sink_ptr sink;
  bool text = false;
  if (!options.file.empty()) {
    sink = std::make_shared<FileSink>(options.file, options.limits);
  } else if (is_terminal(stderr)) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    text = true;
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  if (text) {
    sink->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
  } else {
    sink->set_formatter(std::make_unique<JsonLines>());
  }
  auto logger = std::make_shared<spdlog::logger>("groundtruth", std::move(sink));
  logger->set_level(spdlog::level::from_str(options.level));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace groundtruth::app
