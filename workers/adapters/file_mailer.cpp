// See file_mailer.hpp.
#include "workers/adapters/file_mailer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "workers/adapters/url_text.hpp"

namespace groundtruth::adapters {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// A file of a name of its own that only its owner may read: mail is personal. "" when it was not written.
std::string write_temporary(const std::filesystem::path& directory, const std::string& text) {
  std::string name = (directory / ".mail-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  if (descriptor < 0) return {};
  std::unique_ptr<std::FILE, CloseFile> file(::fdopen(descriptor, "wb"));
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                       std::fflush(file.get()) == 0;
  if (!file) ::close(descriptor);
  if (written) return name;
  const int error = errno;
  ::unlink(name.c_str());
  errno = error;
  return {};
}

}  // namespace

FileMailer::FileMailer(std::filesystem::path directory, MailSender from, const journal::Clock& clock)
    : directory_(std::move(directory)), from_(std::move(from)), clock_(clock) {
  if (const auto problem = problem_of(from_)) throw std::invalid_argument(*problem);
  std::filesystem::create_directories(directory_);
}

ports::Mailer::Result FileMailer::send(const ports::Mail& mail) {
  if (auto problem = problem_of(mail)) return {ports::MailOutcome::refused, std::move(*problem)};
  const domain::Timestamp now = clock_.now();
  const auto target = directory_ / (basic_time(domain::to_rfc3339_ms(now)) + "-" + mail.id + ".eml");
  const std::string temporary = write_temporary(directory_, mail_message(from_, mail, now));
  if (!temporary.empty() && ::rename(temporary.c_str(), target.c_str()) == 0)
    return {ports::MailOutcome::sent, {}};
  const std::string reason = std::generic_category().message(errno);
  if (!temporary.empty()) ::unlink(temporary.c_str());
  return {ports::MailOutcome::server_failed, directory_.string() + ": " + reason};
}

}  // namespace groundtruth::adapters
