// The application's log: what an operator reads. Text for a terminal, JSON lines for everything else.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace groundtruth::app {

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warning, error, critical, off
  std::string file;            // "": stderr
};

// Thread-safe; every line is written before the call returns. Throws std::system_error or spdlog::spdlog_ex
// when the file cannot be opened.
std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options);

}  // namespace groundtruth::app
