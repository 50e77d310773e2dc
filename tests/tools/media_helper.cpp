// The media helper as the server's own binary is one, for unit tests: with objects that do to it what a
// parser might be brought to do. Everything else is looked at as ever.
#include "workers/adapters/media_helper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "workers/adapters/media_probe.hpp"

using namespace groundtruth;

namespace {

constexpr std::uint64_t kMemoryBytes = std::uint64_t{64} << 20;

// Whether what a child must not have can be had. Its parent is the helper.
bool has_world() {
  const bool has_file = ::open("/etc/passwd", O_RDONLY) >= 0 || ::open("/dev/null", O_WRONLY) >= 0;
  const bool has_network = ::socket(AF_INET, SOCK_STREAM, 0) >= 0 || ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
  const bool has_process = ::fork() >= 0;
  const bool has_signal = ::kill(::getppid(), 0) == 0;
  const bool has_environment = std::getenv("PATH") != nullptr || std::getenv("HOME") != nullptr;
  int open = 0;
  for (int fd = 3; fd < 1'024; ++fd) {
    char nothing = 0;
    open += ::recv(fd, &nothing, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EBADF ? 1 : 0;
  }
  return has_file || has_network || has_process || has_signal || has_environment || open != 1;
}

std::optional<ports::MediaFacts> inspect(adapters::BlobReader& reader, std::uint64_t max_text_bytes) {
  const std::string content = reader.read_all(0, 64);
  if (content == "crash") std::abort();
  if (content == "hang")
    for (;;) ::sched_yield(), ::usleep(100'000);
  if (content == "spin")
    for (volatile unsigned turn = 0;; turn = turn + 1) {
    }
  if (content == "eat")
    for (std::vector<char*> eaten;;) {
      constexpr std::size_t bytes = std::size_t{8} << 20;
      eaten.push_back(static_cast<char*>(std::malloc(bytes)));
      if (eaten.back() == nullptr || eaten.size() > 1'000) std::abort();
      std::memset(eaten.back(), 1, bytes);
    }
  if (content == "lie") return ports::MediaFacts{"text/html", std::nullopt};
  if (content == "leave") ::_exit(0);
  if (content == "look") return ports::MediaFacts{has_world() ? "image/gif" : "image/png", std::nullopt};
  return adapters::inspect_media(reader, max_text_bytes);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2 || std::strcmp(words[1], adapters::kMediaHelperCommand) != 0) return 2;
  return adapters::run_media_helper({kMemoryBytes, 1}, inspect);
}
