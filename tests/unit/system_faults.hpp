// The operating system's calls on files below one directory, failing on demand: what a program meets on a
// disk that is full or broken, for its own calls and for those of SQLite alike.
//
// The linker puts these functions in the place of libc's (system_faults.cpp); without an object of this class
// they only pass through. One object at a time. Threads: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace groundtruth::testing {

enum class SystemCall : std::uint8_t {
  create,  // an open, or a mkdir, that makes a new name
  write,
  sync,  // of a file or of a directory
  truncate,
  rename,
  remove,
};

class SystemFaults {
 public:
  explicit SystemFaults(const std::filesystem::path& below);
  SystemFaults(const SystemFaults&) = delete;
  SystemFaults& operator=(const SystemFaults&) = delete;
  ~SystemFaults();

  // What a call fails with instead of being done, as errno; 0 does it. Must not call back. Null lifts it.
  void decide(std::function<int(SystemCall, const std::string& path)> decision);

  // The n-th call from now on fails (0 is the next one): it alone, or it and all that follow.
  enum class Lasting : std::uint8_t { once, from_then_on };
  void fail_at(std::size_t n, int error, Lasting lasting);
  void mend() { decide(nullptr); }

  std::size_t calls() const;   // since the last decision was set
  std::string failed() const;  // the first call that failed since then, in words; "" where none did
  // All of them, in the same words.
  std::vector<std::string> trace() const;
};

// Which of those calls to let fail, one at a time: of several in a row that are alike, the first and the
// last.
std::vector<std::size_t> telling_calls(const std::vector<std::string>& trace);

}  // namespace groundtruth::testing
