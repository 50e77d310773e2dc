// See log.hpp.
#include "app/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "app/terminal.hpp"
#include "domain/values.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

// {"at":"…","level":"info","message":"…"}
class JsonLines final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = "{\"at\":\"" + domain::to_rfc3339_ms({since_epoch.count()}) + "\",\"level\":\"";
    line.append(level.data(), level.size());
    line += "\",\"message\":";
    journal::codec::append_string(line, {message.payload.data(), message.payload.size()});
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonLines>(); }
};

}  // namespace

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  spdlog::sink_ptr sink;
  bool text = false;
  if (!options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
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
