// Sends one mail by SMTP, for tests/e2e/test_smtp.py: settings and mail as JSON on standard input, the
// outcome as JSON on standard output.
#include "tests/tools/tool.hpp"
#include "workers/adapters/smtp_mailer.hpp"

namespace groundtruth::adapters {

BOOST_DESCRIBE_ENUM(StartTls, off, optional, required)

}  // namespace groundtruth::adapters

namespace groundtruth::ports {

BOOST_DESCRIBE_ENUM(MailOutcome, sent, refused, failed, server_failed)

}  // namespace groundtruth::ports

namespace {

using namespace groundtruth;

struct Call {
  std::string url;
  adapters::StartTls starttls{};
  std::optional<std::string> user, password, ca_file, from_name;
  std::string from;
  std::int64_t timeout_ms = 0;
  std::string id, to, subject, text;
};
BOOST_DESCRIBE_STRUCT(Call, (),
                      (url, starttls, user, password, ca_file, from_name, from, timeout_ms, id, to, subject,
                       text))

struct Outcome {
  ports::MailOutcome outcome{};
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Outcome, (), (outcome, reason))

Outcome send_mail(const Call& call) {
  adapters::SmtpOptions options;
  options.url = call.url;
  options.starttls = call.starttls;
  options.user = call.user.value_or("");
  options.password = call.password.value_or("");
  options.ca_file = call.ca_file.value_or("");
  options.from = {call.from, call.from_name.value_or("")};
  options.timeout = std::chrono::milliseconds{call.timeout_ms};
  adapters::SmtpMailer mailer(std::move(options), journal::system_clock());
  const auto result = mailer.send({call.id, call.to, call.subject, call.text});
  return {result.outcome, result.reason};
}

}  // namespace

int main() {
  return tools::run(send_mail);
}
