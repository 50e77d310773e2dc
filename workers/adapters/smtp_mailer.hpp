// Mail by SMTP submission, with libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "journal/ports.hpp"
#include "workers/adapters/mail_message.hpp"

namespace groundtruth::adapters {

enum class StartTls : std::uint8_t { off, optional, required };

struct SmtpOptions {
  std::string url;  // "smtp://mail.example:587", "smtps://mail.example:465" (TLS from the first byte)
  StartTls starttls = StartTls::required;  // of smtp://
  std::string user;                        // "": no login
  std::string password;
  std::string ca_file;  // whom to trust instead of the system's authorities; "": those
  MailSender from;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{30'000};  // for all of one mail
};

// Thread-safe; a connection for each mail. `refused` is what the server says for ever about this recipient or
// this message (5xx to RCPT or DATA), `failed` all else that happens from RCPT on; what happens before, a
// rejected login or sender included, is `server_failed`. A reason may quote the server, and with it the
// address.
class SmtpMailer final : public ports::Mailer {
 public:
  // Throws std::invalid_argument for a URL of another kind, a sender that is none, and a login that could
  // travel without TLS. The clock must outlive it.
  SmtpMailer(SmtpOptions options, const journal::Clock& clock);

  Result send(const ports::Mail& mail) override;

 private:
  const SmtpOptions options_;
  const journal::Clock& clock_;
};

}  // namespace groundtruth::adapters
