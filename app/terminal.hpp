// What people see: aligned tables, a progress bar, check marks. None of it is for programs; those read
// --json.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace groundtruth::app {

bool is_terminal(std::FILE* stream);

// Writes to stdout. Throws CommandError (`failed`) where that is gone or full.
void put(std::string_view bytes);

// Text from outside, safe to print: control characters become '?', so that a name cannot steer the terminal.
std::string printable(std::string_view text);

// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t number);
// 1536 -> "1.5 KiB"
std::string human_bytes(std::uint64_t bytes);

class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);  // one for each column
  std::string render() const;  // columns two spaces apart, no trailing spaces, every line LF-ended
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// One line on stderr that is drawn again as work goes on. Draws only where stderr is a terminal, and only
// once the work has taken a moment: what is done at once leaves no flicker.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();  // wipes the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::uint64_t done, std::uint64_t total, std::string_view note = {});

 private:
  const std::string label_;
  const bool draws_;
  const std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point drawn_{};
  bool visible_ = false;
};

// The line that ProgressBar draws, without the cursor movement; `width` is the terminal's.
std::string render_progress(std::string_view label, std::uint64_t done, std::uint64_t total,
                            std::string_view note, std::size_t width);

}  // namespace groundtruth::app
