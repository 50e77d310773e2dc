// Mail, seen from here: one message to one address. How it travels is an adapter's business.
#pragma once

#include <cstdint>
#include <string>

namespace groundtruth::ports {

struct Mail {
  std::string id;  // ours, the same for a retry: becomes the Message-ID, so that a repetition is recognised
  std::string to;  // one address
  std::string subject;
  std::string text;  // plain text, UTF-8, lines end with LF
};

enum class MailOutcome : std::uint8_t {
  sent,           // the next server has taken it
  refused,        // and never will: no such mailbox, a malformed address
  failed,         // not now, it says of this recipient or this message: try again later
  server_failed,  // it says nothing of either: not reached, or it takes nothing from us
};

// Thread-safe. May block for as long as the mail server does: `send` belongs on a thread of its own. Throws
// nothing: what went wrong stands in `reason`.
class Mailer {
 public:
  struct Result {
    MailOutcome outcome = MailOutcome::failed;
    std::string reason;
  };
  virtual ~Mailer() = default;
  virtual Result send(const Mail& mail) = 0;
};

}  // namespace groundtruth::ports
