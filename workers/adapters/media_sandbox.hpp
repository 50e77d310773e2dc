// What a process gives up for good before it parses a stranger's file.
#pragma once

#include <cstdint>

namespace groundtruth::adapters {

struct SandboxLimits {
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;  // beyond what the process has
  std::uint64_t processor_seconds = 5;
};

// Whether the kernel, and whatever this process runs in, lets it filter its own system calls.
bool has_seccomp();

// Whether address space can be limited: not where a sanitizer has reserved terabytes of it.
bool can_limit_memory();

// From here on: no file, socket, process or signal can be had; what is open stays. Past a limit the kernel
// ends the process. Throws std::runtime_error where a limit cannot be set.
void enter_sandbox(const SandboxLimits& limits, bool with_seccomp);

}  // namespace groundtruth::adapters
