// The one policy for text of people in any script: what counts as the same name, tag, password or mail
// address (docs/text.md). By utf8proc and libidn2; their tables are those of the Unicode version that Debian
// ships.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace groundtruth::api {

// All of these take valid UTF-8; text that is none comes back as it is.

// Names are kept, compared and counted in this form (NFC): a letter with its mark is one however it was
// typed.
std::string to_nfc(std::string_view text);

// The canonical decomposition (NFD), as some systems type.
std::string to_nfd(std::string_view text);

// Tags are kept and compared in this form: NFC, without differences of case in any script.
std::string to_tag(std::string_view text);

// A password as it is hashed: RFC 8265, OpaqueString. Every kind of space is a plain space, then NFC; case
// and width stay.
std::string to_opaque(std::string_view password);

// False for what may not be in a new password: control characters, and code points without a meaning that
// would stay the same (private ones, those not assigned yet).
bool is_password_text(std::string_view password);

// One line that can be shown: no control characters, no separators of lines.
bool is_line(std::string_view text);

// A mail address in the one form in which it is kept and compared: white space around it gone; the domain in
// A-labels (IDNA 2008 by UTS 46), lower case, without a dot at its end; the local part in NFC with ASCII
// letters in lower case. nullopt: no address that mail can be sent to. One '@' between a plain local part,
// without quotes, and a host; at most 254 bytes.
std::optional<std::string> canonical_email(std::string_view text);

// The spellings of a canonical address under which it may have been kept before there was one form; without
// the canonical one itself. A bounded number.
std::vector<std::string> older_spellings(std::string_view canonical);

}  // namespace groundtruth::api
