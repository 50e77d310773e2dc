// See file_mailer.hpp.
#include "workers/adapters/file_mailer.hpp"

#include <stdexcept>
#include <system_error>
#include <utility>

#include "journal/durable_file.hpp"
#include "workers/adapters/url_text.hpp"

namespace groundtruth::adapters {

FileMailer::FileMailer(std::filesystem::path directory, MailSender from, const journal::Clock& clock)
    : directory_(std::move(directory)), from_(std::move(from)), clock_(clock) {
  if (const auto problem = problem_of(from_)) throw std::invalid_argument(*problem);
  std::filesystem::create_directories(directory_);
  journal::sync_directory_of(directory_);
}

ports::Mailer::Result FileMailer::send(const ports::Mail& mail) {
  if (auto problem = problem_of(mail)) return {ports::MailOutcome::refused, std::move(*problem)};
  const domain::Timestamp now = clock_.now();
  const auto target = directory_ / (basic_time(domain::to_rfc3339_ms(now)) + "-" + mail.id + ".eml");
  try {
    // Only its owner may read it: mail is personal. On disk before the person is marked as mailed.
    journal::replace_durably(target, mail_message(from_, mail, now));
  } catch (const std::system_error& failure) {
    return {ports::MailOutcome::server_failed, failure.what()};
  }
  return {ports::MailOutcome::sent, {}};
}

}  // namespace groundtruth::adapters
