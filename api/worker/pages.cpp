// See pages.hpp.
#include "api/worker/pages.hpp"

#include <sodium.h>

#include <array>

#include "api/common/html.hpp"
#include "api/worker/requests.hpp"
#include "journal/codec/base64.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kStyle =
    R"(:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59626e; --page: #f3f5f8; --card: #fff; --line: #d5dbe3;
  --go: #14734d; --go-ink: #fff; --warn: #8a5300; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9edf2; --soft: #a3adba; --page: #12161b; --card: #1b2128; --line: #38424e; --go: #38a877; --go-ink: #07140e;
    --warn: #e0a54a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 30rem; margin: 8vh auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem; }
@media (max-width: 34rem) { main { margin: 0; min-height: 100vh; padding: 1.5rem 1.25rem; border: 0; border-radius: 0; } }
header { margin-bottom: 1.5rem; font-weight: 700; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; }
.notice { border-left: .25rem solid var(--warn); padding: .125rem .75rem; }
dl { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
dl div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .5rem 0;
  border-bottom: 1px solid var(--line); }
dt, .hint { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; font-weight: 600; }
.hint { font-size: .875rem; margin: .25rem 0 0; }
form { display: grid; gap: 1rem; margin: 0; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input { width: 100%; font: inherit; color: inherit; padding: .7rem .8rem; background: var(--page); border: 1px solid var(--soft);
  border-radius: .6rem; }
button { font: inherit; font-weight: 600; padding: .8rem; border: 0; border-radius: .6rem; cursor: pointer;
  background: var(--go); color: var(--go-ink); }
button:focus-visible, input:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
)";

// No script, no address to load from: the style stands in the page, and the policy names its hash.
const std::string& policy() {
  static const std::string text = [] {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(kStyle.data()), kStyle.size());
    const std::string_view bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
    return "default-src 'none'; style-src 'sha256-" + journal::codec::to_base64(bytes) +
           "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  }();
  return text;
}

http::Response page(int status, std::string_view title, std::string_view content) {
  std::string out = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>)";
  out += escape_html(title);
  out += "</title>\n<style>";
  out += kStyle;
  out += "</style>\n</head>\n<body>\n<main>\n<header>GroundTruth</header>\n<h1>";
  out += escape_html(title);
  out += "</h1>\n";
  out += content;
  out += "</main>\n</body>\n</html>\n";
  return html_page(status, std::move(out), policy());
}

std::string paragraph(std::string_view text) {
  return "<p>" + escape_html(text) + "</p>\n";
}

std::string noticed(std::string_view notice) {
  if (notice.empty()) return {};
  return "<p class=\"notice\" role=\"alert\">" + escape_html(notice) + "</p>\n";
}

// <bdi>: a name in a script that runs the other way leaves its surroundings alone.
std::string row(std::string_view name, std::string_view value) {
  return "<div><dt>" + std::string(name) + "</dt><dd><bdi>" + escape_html(value) + "</bdi></dd></div>\n";
}

std::string form_head(std::string_view action) {
  return "<form method=\"post\" action=\"" + escape_html(action) + "\">\n";
}

std::string hidden_token(std::string_view token) {
  return "<input type=\"hidden\" name=\"token\" value=\"" + escape_html(token) + "\">\n";
}

std::string button(std::string_view text) {
  return "<button type=\"submit\">" + escape_html(text) + "</button>\n";
}

std::string password_input(std::string_view label, std::string_view hint, bool is_required) {
  std::string out = "<div><label for=\"password\">" + escape_html(label) +
                    "</label>\n<input id=\"password\" name=\"password\" type=\"password\" "
                    "autocomplete=\"new-password\" minlength=\"" +
                    std::to_string(PasswordField::kMin) + "\" maxlength=\"" +
                    std::to_string(PasswordField::kMax) + "\" aria-describedby=\"password-hint\"";
  if (is_required) out += " required";
  out += ">\n<p class=\"hint\" id=\"password-hint\">" + escape_html(hint) + "</p></div>\n";
  return out;
}

// 2026-11-30 21:42 UTC
std::string minute_of(domain::Timestamp at) {
  const std::string text = domain::to_rfc3339_s(at);
  return text.substr(0, 10) + ' ' + text.substr(11, 5) + " UTC";
}

constexpr std::string_view kPasswordHint = "At least 10 characters.";

}  // namespace

bool wants_html(const http::Request& request) {
  const auto accept = request.headers.find("Accept");
  return accept && accept->find("text/html") != std::string_view::npos;
}

http::Response message_page(int status, std::string_view title, std::string_view message) {
  return page(status, title, paragraph(message));
}

http::Response verification_page(int status, const VerificationView& view) {
  std::string content = noticed(view.notice);
  if (view.is_taken)
    content += paragraph(
        "This address has an account already, and somebody has registered with it once more. If that was "
        "you, "
        "choose a password: the account gets it, and the name below. Otherwise close this page.");
  else
    content += paragraph(
        "Somebody registered with this address. If that was you, verify it with the button below. Otherwise "
        "close this page: nothing happens without the button.");
  content += "<dl>\n" + row("Address", view.worker.email) + row("Name", view.worker.name) +
             row("Registered", minute_of(view.worker.registered_at)) + "</dl>\n";
  content += form_head("verify") + hidden_token(view.token);
  if (view.is_taken) {
    content += password_input("New password", kPasswordHint, true) + button("Set this password");
    return page(status, "Is this you?", content + "</form>\n");
  }
  content += password_input("Another password (optional)",
                            "Leave this empty to keep the password that was entered at registration. Choose "
                            "one here if you are not sure who entered it.",
                            false) +
             button("Verify this address") + "</form>\n";
  return page(status, "Verify your e-mail address", content);
}

http::Response ask_for_mail_page(int status, const AskForMailView& view) {
  std::string content = noticed(view.notice) + paragraph(view.text) + form_head(view.action);
  if (view.token.empty())
    content +=
        "<div><label for=\"email\">E-mail address</label>\n<input id=\"email\" name=\"email\" type=\"text\" "
        "inputmode=\"email\" autocomplete=\"email\" autocapitalize=\"off\" spellcheck=\"false\" "
        "maxlength=\"254\" required></div>\n";
  else
    content += hidden_token(view.token);
  content += button(view.button) + "</form>\n";
  return page(status, view.title, content);
}

http::Response reset_page(int status, std::string_view token, std::string_view notice) {
  std::string content =
      noticed(notice) +
      paragraph("Once it is set, everybody who is logged in with the old password is logged out.") +
      form_head("reset") + hidden_token(token) + password_input("New password", kPasswordHint, true) +
      button("Set this password") + "</form>\n";
  return page(status, "Choose a new password", content);
}

}  // namespace groundtruth::api::worker
