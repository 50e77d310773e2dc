// See access_log.hpp.
#include "app/access_log.hpp"

#include <algorithm>

#include "domain/values.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

constexpr std::chrono::milliseconds kWriteInterval{100};

}  // namespace

std::string shortened(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  std::size_t end = max_bytes;
  while (end > 0 && continues(text[end])) --end;
  return std::string(text.substr(0, end)) + "…";
}

void append_access_line(std::string& out, const http::AccessEntry& entry, std::int64_t at_ms) {
  using journal::codec::append_string;
  const auto text = [&](std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    if (value.size() <= AccessLog::kMaxFieldBytes)
      append_string(out, value);
    else
      append_string(out, shortened(value, AccessLog::kMaxFieldBytes));
  };
  const auto number = [&](std::string_view name, auto value) {
    out += ",\"";
    out += name;
    out += "\":";
    out += std::to_string(value);
  };
  out += "{\"at\":\"";
  out += domain::to_rfc3339_ms({at_ms});
  out += '"';
  text("request_id", entry.request_id);
  text("traceparent", entry.traceparent);
  text("remote", entry.remote_address);
  text("method", entry.method);
  text("path", entry.path);
  text("surface", entry.surface);
  text("operation", entry.operation);
  number("status", entry.status);
  number("request_bytes", entry.request_bytes);
  number("response_bytes", entry.response_bytes);
  number("duration_us", entry.duration.count());
  out += "}\n";
}

AccessLog::AccessLog(const std::filesystem::path& file, LogFileLimits limits, std::size_t queue_bytes)
    : queue_bytes_(queue_bytes), file_(file, limits) {
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  signal_.notify_one();
  thread_.join();
}

void AccessLog::write(const http::AccessEntry& entry) {
  thread_local std::string line;
  line.clear();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  append_access_line(line, entry, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const std::lock_guard lock(mutex_);
  if (queued_.size() + line.size() > queue_bytes_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queued_ += line;
}

void AccessLog::run() {
  std::string lines;
  bool ending = false;
  while (!ending) {
    {
      std::unique_lock lock(mutex_);
      signal_.wait_for(lock, kWriteInterval, [this] { return ending_; });
      ending = ending_;
      lines.swap(queued_);
    }
    put(lines);
    lines.clear();
  }
}

void AccessLog::put(const std::string& lines) {
  std::size_t written = 0;
  if (file_.append(lines, written)) return;
  // A full disk, say: the requests go on, the lines are counted as lost.
  const auto lost = std::count(lines.begin() + static_cast<std::ptrdiff_t>(written), lines.end(), '\n');
  dropped_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
}

}  // namespace groundtruth::app
