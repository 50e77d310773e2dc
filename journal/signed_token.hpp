// Tokens that need no storage: for links in mails, which prove that their holder read the mail.
//
//   wrk_01hx4nvzgwq9k3m5p8r2s4t6v8.1781878400.<43 characters>     subject, expiry in Unix seconds, MAC
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/values.hpp"
#include "journal/key_store.hpp"

namespace groundtruth::journal {

// Immutable, thread-safe. Every node that shares the master key takes the others' tokens. A token is good
// until it expires, as often as it is shown: whoever takes it makes the second time harmless.
class SignedToken {
 public:
  // A token of one purpose ("verify-mail") is none for any other. The purpose is kept for ever: it makes the
  // key.
  SignedToken(const MasterKey& master, std::string_view purpose) : key_(master.derive(purpose)) {}

  // The subject is an id, or other text without '.', else std::invalid_argument. Fractions of a second of the
  // expiry are dropped.
  std::string mint(std::string_view subject, domain::Timestamp expires_at) const;
  struct Content {
    std::string subject;
    domain::Timestamp expires_at;
  };
  // What stands in it, also where it has expired; nullopt for anything but the very text that `mint` made.
  std::optional<Content> read(std::string_view token) const;
  // The subject, or nullopt for anything but the very text that `mint` made, and from `expires_at` on.
  std::optional<std::string> check(std::string_view token, domain::Timestamp now) const;

 private:
  std::string mac_of(std::string_view content) const;

  DataKey key_;
};

}  // namespace groundtruth::journal
