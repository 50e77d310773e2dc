// A mail as the bytes that travel: RFC 5322, one plain text in UTF-8. What a caller put into address or
// subject can never become a header of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/values.hpp"
#include "workers/ports/mailer.hpp"

namespace groundtruth::adapters {

struct MailSender {
  std::string address;
  std::string name;  // shown before the address; may be empty
};

// What is wrong with it for ever: an address that is none, a subject with control characters, an id that
// would make no Message-ID. nullopt: nothing. Addresses have a plain local part, without quotes, and may hold
// UTF-8.
std::optional<std::string> problem_of(const ports::Mail& mail);
std::optional<std::string> problem_of(const MailSender& sender);

// Lines end with CRLF. Throws std::invalid_argument for what has a problem.
std::string mail_message(const MailSender& from, const ports::Mail& mail, domain::Timestamp date);

}  // namespace groundtruth::adapters
