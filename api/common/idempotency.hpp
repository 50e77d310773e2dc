// Idempotency keys: their grammar, what makes two requests the same one, and ids that a retry must meet
// again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/http/message.hpp"
#include "domain/ids.hpp"
#include "journal/commit.hpp"
#include "journal/key_store.hpp"

namespace groundtruth::api {

// 1–255 printable ASCII characters, in double quotes or bare; bare ones neither begin nor end with a space.
// "k" and k are the same key. nullopt: malformed.
std::optional<std::string> parse_idempotency_key(std::string_view header);

// Hashes under keys derived from the master key: nobody without it can tell from the journal what a request
// held. Immutable, thread-safe.
class RequestHasher {
 public:
  explicit RequestHasher(const journal::MasterKey& master);

  // Keyed BLAKE2b-128 of method, target and raw body, in hex.
  std::string hash(const http::Request& request) const;

  // Random bits that are the same for every retry of this request, so that what is made outside for it (a
  // checkout) is made once. Keys are remembered for a day, so the day is part of it: next week's use of the
  // key is another request.
  domain::RandomBits stable_bits(std::string_view account, const journal::KeyedRequest& keyed,
                                 domain::Timestamp now) const;

 private:
  journal::DataKey request_key_;
  journal::DataKey bits_key_;
};

struct IdempotencyHeader {
  bool malformed = false;
  std::optional<journal::KeyedRequest> keyed;  // nullopt: no such header
};
// The scope is the method and path: "POST /api/v1/tasks".
IdempotencyHeader read_idempotency(const http::Request& request, const RequestHasher& hasher);

}  // namespace groundtruth::api
