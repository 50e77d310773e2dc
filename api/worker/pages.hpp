// What people see who open a link in a mail: plain pages that work without scripts, with forms that post
// back. Their forms lead to addresses beside their own, so that they work behind any prefix of `public_url`.
#pragma once

#include <string>
#include <string_view>

#include "api/http/message.hpp"
#include "domain/worker.hpp"

namespace groundtruth::api::worker {

// A browser asks; a program that says nothing of HTML gets JSON.
bool wants_html(const http::Request& request);

// `action` is where a form posts to, seen from the page that it stands on.
http::Response message_page(int status, std::string_view title, std::string_view message);

// What a link would confirm, and the button that does.
struct VerificationView {
  const domain::Worker& worker;
  std::string_view token;
  bool is_taken = false;    // the address has an account: it gets the password that is entered here
  std::string_view notice;  // a sentence of ours above the rest; "" for none
};
http::Response verification_page(int status, const VerificationView& view);

// A form that asks for one line with a mail address, or, with a token, for the button alone.
struct AskForMailView {
  std::string_view title, text, action, button;
  std::string_view token;
  std::string_view notice;
};
http::Response ask_for_mail_page(int status, const AskForMailView& view);

http::Response reset_page(int status, std::string_view token, std::string_view notice);

}  // namespace groundtruth::api::worker
