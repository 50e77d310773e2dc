// How the command line ends: exit codes that programs decide by, and the error that carries one.
#pragma once

#include <stdexcept>
#include <string>

namespace groundtruth::app {

// Fixed: scripts and service managers read them.
enum class ExitCode : int {
  ok = 0,
  failed = 1,               // the operation was understood and did not work
  usage = 2,                // wrong options, wrong configuration
  unreachable = 3,          // no server answers where one should
  verification_failed = 4,  // the journal is not what it should be
  broken = 70,  // a file of the journal, its keys or small media failed under a running server (EX_SOFTWARE)
};

// An expected end of a command. The message says what is wrong, where, and what to do about it; it is printed
// on stderr as it is.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace groundtruth::app
