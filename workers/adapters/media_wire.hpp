// What the server and its media helper say to each other (media_helper.hpp). Both are the same binary, so
// structs go over the socket as they lie in memory.
//
//   control socket, SOCK_SEQPACKET   server -> helper: HelperOrder, with a job's socket where one starts
//                                    helper -> server: HelperReady, once
//   job socket, SOCK_STREAM          server -> child: Job, then the bytes of each piece that it asks for
//                                    child -> server: ChildSays: `started`, any number of `read`, a verdict
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace groundtruth::adapters::wire {

// The helper's descriptors, beside standard input, output and error.
inline constexpr int kControlFd = 3;

struct HelperOrder {
  enum class Kind : std::uint32_t { start, kill };
  Kind kind = Kind::start;
  std::uint32_t reserved = 0;
  std::uint64_t job = 0;
};

struct HelperReady {
  std::uint32_t has_seccomp = 0;
  std::uint32_t limits_memory = 0;
};

struct Job {
  std::uint64_t size_bytes = 0;
  std::uint64_t max_fetched_bytes = 0;
  std::uint64_t max_text_bytes = 0;
};

struct ChildSays {
  enum class Kind : std::uint32_t { started, read, nothing, found };
  Kind kind = Kind::started;
  std::uint32_t bytes = 0;        // of `read`
  std::uint64_t offset = 0;       // of `read`
  std::int64_t duration_ms = -1;  // of `found`; -1: it has none
  std::array<char, 40> type{};    // of `found`, NUL at its end
};

}  // namespace groundtruth::adapters::wire
