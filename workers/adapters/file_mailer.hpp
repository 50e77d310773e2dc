// Mail without a server, for --dev and tests: each one becomes a file that any mail program opens.
#pragma once

#include <filesystem>

#include "journal/ports.hpp"
#include "workers/adapters/mail_message.hpp"

namespace groundtruth::adapters {

// Thread-safe. A mail is "<time>-<id>.eml", so that names sort by time; a file that has such a name is
// complete, and it is on disk once `send` says so. Nothing is ever removed. The clock must outlive it.
class FileMailer final : public ports::Mailer {
 public:
  // Makes the directory when it is missing. Throws std::system_error when that fails, and
  // std::invalid_argument for a sender that is none.
  FileMailer(std::filesystem::path directory, MailSender from, const journal::Clock& clock);

  Result send(const ports::Mail& mail) override;

 private:
  const std::filesystem::path directory_;
  const MailSender from_;
  const journal::Clock& clock_;
};

}  // namespace groundtruth::adapters
