// The application's log: what an operator reads. Text for a terminal, JSON lines for everything else.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <string_view>

#include "app/log_file.hpp"

namespace groundtruth::app {

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warning, error, critical, off
  std::string file;            // "": stderr
  LogFileLimits limits;        // of the file
};

// Thread-safe; every line is written before the call returns. A message has a bound of 8 KiB, its file the
// one of the options; a line that finds no room is lost. Throws std::system_error when the file cannot be
// opened.
std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options);

// A line that belongs to a request: in JSON its names are fields, on a terminal the id stands before the
// text.
struct RequestNames {
  std::string_view request_id, traceparent;
};
void log_of_request(spdlog::logger& log, RequestNames request, std::string_view what);

// Opens the logger's file anew, where it has one (log_file.hpp). Throws std::system_error.
void reopen(const spdlog::logger& log);

}  // namespace groundtruth::app
