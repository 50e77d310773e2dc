// Sends one mail by SMTP, for tests/e2e/test_smtp.py: settings and mail as JSON on standard input, the
// outcome as JSON on standard output.
#include <curl/curl.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <iterator>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "workers/adapters/smtp_mailer.hpp"

namespace groundtruth::adapters {

BOOST_DESCRIBE_ENUM(StartTls, off, optional, required)

}  // namespace groundtruth::adapters

namespace groundtruth::ports {

BOOST_DESCRIBE_ENUM(MailOutcome, sent, refused, failed)

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

Outcome send(const Call& call) {
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
  try {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const std::string input(std::istreambuf_iterator<char>(std::cin), {});
    const auto call = journal::codec::decode_json<Call>(input);
    if (!call) {
      for (const auto& error : call.errors)
        std::fprintf(stderr, "%s %s\n", error.path.c_str(), error.message.c_str());
      return 2;
    }
    std::puts(journal::codec::to_json(send(*call.value)).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
