// See smtp_mailer.hpp.
#include "workers/adapters/smtp_mailer.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "workers/adapters/curl_handle.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::string_view kPlainScheme = "smtp://";
constexpr std::string_view kTlsScheme = "smtps://";
constexpr std::size_t kMaxReasonBytes = 300;

// What the message still has to give, and what was said last on either side before goodbye: libcurl tells
// only by its debug callback which command a reply is the answer to.
struct Dialogue {
  std::string_view unsent;
  bool is_over = false;
  bool decides_on_mail = false;  // the last command was RCPT or DATA
  std::string last_reply;
};

std::size_t on_read(char* out, std::size_t size, std::size_t count, void* user) {
  auto& dialogue = *static_cast<Dialogue*>(user);
  const std::size_t taken = std::min(size * count, dialogue.unsent.size());
  std::memcpy(out, dialogue.unsent.data(), taken);
  dialogue.unsent.remove_prefix(taken);
  return taken;
}

int on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* user) {
  auto& dialogue = *static_cast<Dialogue*>(user);
  const std::string_view line(data, size);
  if (type == CURLINFO_HEADER_OUT && line.starts_with("QUIT\r")) dialogue.is_over = true;
  if (dialogue.is_over) return 0;
  if (type == CURLINFO_HEADER_OUT)
    dialogue.decides_on_mail = line.starts_with("RCPT TO:") || line.starts_with("DATA\r");
  else if (type == CURLINFO_HEADER_IN)
    dialogue.last_reply = line;
  return 0;
}

// One line that can be logged.
std::string one_line(std::string text) {
  text.resize(std::min(text.size(), kMaxReasonBytes));
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.pop_back();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return text;
}

long ssl_level(const SmtpOptions& options) {
  if (options.url.starts_with(kTlsScheme)) return CURLUSESSL_ALL;
  switch (options.starttls) {
    case StartTls::off:
      return CURLUSESSL_NONE;
    case StartTls::optional:
      return CURLUSESSL_TRY;
    case StartTls::required:
      return CURLUSESSL_ALL;
  }
  throw std::invalid_argument("StartTls holds a value without a name");
}

void apply(CurlHandle& curl, const SmtpOptions& options) {
  curl.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl.set(CURLOPT_URL, options.url.c_str());
  curl.set(CURLOPT_USE_SSL, ssl_level(options));
  curl.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl.set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl.set(CURLOPT_MAIL_FROM, options.from.address.c_str());
  if (!options.ca_file.empty()) curl.set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (options.user.empty()) return;
  curl.set(CURLOPT_USERNAME, options.user.c_str());
  curl.set(CURLOPT_PASSWORD, options.password.c_str());
}

ports::Mailer::Result result_of(CurlHandle& curl, CURLcode code, const Dialogue& dialogue) {
  if (code == CURLE_OK) return {ports::MailOutcome::sent, {}};
  const long reply = curl.response_code();
  std::string reason = curl.error(code);
  if (reply >= 400 && !dialogue.last_reply.empty()) reason += ": " + dialogue.last_reply;
  // What goes wrong once the recipient was named may be because of them: a server that asks theirs, and
  // waits.
  auto outcome = ports::MailOutcome::server_failed;
  if (dialogue.decides_on_mail)
    outcome = reply >= 500 && reply < 600 ? ports::MailOutcome::refused : ports::MailOutcome::failed;
  return {outcome, one_line(std::move(reason))};
}

}  // namespace

SmtpMailer::SmtpMailer(SmtpOptions options, const journal::Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  if (!options_.url.starts_with(kPlainScheme) && !options_.url.starts_with(kTlsScheme))
    throw std::invalid_argument("a mail server's URL begins with smtp:// or smtps://");
  if (options_.url.find('@') != std::string::npos)
    throw std::invalid_argument("a mail server's URL holds no login: that stands in settings of its own");
  if (const auto problem = problem_of(options_.from)) throw std::invalid_argument(*problem);
  if (!options_.user.empty() && ssl_level(options_) != CURLUSESSL_ALL)
    throw std::invalid_argument("a login at a mail server needs smtps:// or required STARTTLS");
}

ports::Mailer::Result SmtpMailer::send(const ports::Mail& mail) {
  if (auto problem = problem_of(mail)) return {ports::MailOutcome::refused, std::move(*problem)};
  try {
    const std::string message = mail_message(options_.from, mail, clock_.now());
    Dialogue dialogue;
    dialogue.unsent = message;
    CurlList recipient;
    append(recipient, mail.to);
    CurlHandle curl;
    apply(curl, options_);
    curl.set(CURLOPT_MAIL_RCPT, recipient.get());
    curl.set(CURLOPT_UPLOAD, 1L);
    curl.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(message.size()));
    curl.set(CURLOPT_READFUNCTION, on_read);
    curl.set(CURLOPT_READDATA, &dialogue);
    curl.set(CURLOPT_DEBUGFUNCTION, on_debug);
    curl.set(CURLOPT_DEBUGDATA, &dialogue);
    curl.set(CURLOPT_VERBOSE, 1L);
    const CURLcode code = curl.perform();
    return result_of(curl, code, dialogue);
  } catch (const std::exception& failure) {
    return {ports::MailOutcome::server_failed, failure.what()};
  }
}

}  // namespace groundtruth::adapters
