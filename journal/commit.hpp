// A commit: one record of the journal, holding one command and the events that it led to (DESIGN, section 2).
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "domain/domain.hpp"
#include "journal/key_store.hpp"
#include "journal/position.hpp"
#include "journal/record.hpp"

namespace groundtruth::journal {

enum class ActorKind : std::uint8_t { system, admin, api_key, worker };
BOOST_DESCRIBE_ENUM(ActorKind, system, admin, api_key, worker)

struct Actor {
  ActorKind kind = ActorKind::system;
  std::string id;       // key_…, wrk_…, or the component's name
  std::string account;  // on whose behalf; scopes the idempotency key
  friend bool operator==(const Actor&, const Actor&) = default;
};

// A request that carries an Idempotency-Key. `scope` is method and path: the same key elsewhere is another
// key.
struct KeyedRequest {
  std::string key;
  std::string scope;         // "POST /api/v1/tasks"
  std::string request_hash;  // keyed BLAKE2b-128, hex, of method, target and raw body
  friend bool operator==(const KeyedRequest&, const KeyedRequest&) = default;
};

struct CommandRef {
  domain::CommandId id;
  std::string name;
  std::optional<KeyedRequest> keyed;  // in the record: idempotency_key, scope, request_hash
};

// The event of another chain that this commit is an effect of (JOURNAL, "Record").
struct Cause {
  Partition source;
  std::uint64_t seq = 0;
  std::uint32_t event = 0;
  std::string effect;  // "relay.ordinal"
};
std::string relay_of(const Cause& cause);  // "payout:tasks/3": the relay and its source partition

// How far one relay's effects have come in a partition: the highest source position seen.
struct RelayMark {
  std::uint64_t seq = 0;
  std::uint32_t event = 0;
  friend auto operator<=>(const RelayMark&, const RelayMark&) = default;
};
inline RelayMark mark_of(const Cause& cause) {
  return {cause.seq, cause.event};
}

struct CommittedEvent {
  std::string stream;
  std::uint32_t version = 0;  // 1 for a stream's first event
  domain::Event data;
};

struct Commit {
  std::uint64_t seq = 0;
  CommitId prev;
  domain::Timestamp at;
  Actor actor;
  CommandRef command;
  std::optional<Cause> cause;
  std::vector<CommittedEvent> events;

  template <class E>
  const E* find() const {  // the first event of that type
    for (const auto& event : events)
      if (const auto* found = std::get_if<E>(&event.data)) return found;
    return nullptr;
  }
};

// What stands at seq 0 of every partition.
struct Genesis {
  static constexpr std::string_view kType = "journal.created";
  static constexpr int kSchema = 1;
  static constexpr int kFormat = 1;
  int format = kFormat;
  std::string journal;  // random UUID of the whole journal
  std::string topic;
  std::uint16_t partition = 0;
  std::uint16_t partitions = kPartitionsPerTopic;
  std::uint16_t buckets = domain::kBucketCount;
};
BOOST_DESCRIBE_STRUCT(Genesis, (), (format, journal, topic, partition, partitions, buckets))

// Bytes to commits and back. Sealed fields go through the key store, bound by the associated data to journal,
// stream, version and field, so that a sealed value moved elsewhere does not open. Thread-safe.
class CommitCodec {
 public:
  CommitCodec(std::string journal_uuid, std::shared_ptr<KeyStore> keys, Randomness& randomness);

  // One UTF-8 JSON line without LF. Encoding seals with a fresh nonce: two encodings of one commit differ, so
  // bytes that were appended are kept, never made again. Throws ErasedOwner when an event's owner has no key
  // any more.
  Bytes encode(const Commit& commit) const;

  // Throws UnreadableCommit with the position-independent reason: unknown type or schema, missing field, not
  // JSON; LostKey among them. A genesis decodes to a commit without events.
  Commit decode(std::string_view value) const;

  const std::string& journal_uuid() const { return journal_uuid_; }
  KeyStore& keys() const { return *keys_; }

 private:
  std::string journal_uuid_;
  std::shared_ptr<KeyStore> keys_;
  Randomness* randomness_;
};

struct UnreadableCommit : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// A sealed value whose owner has neither a key nor the tombstone of a destroyed one: the store lost it. To go
// on would make a person look erased who is not.
struct LostKey : UnreadableCommit {
  using UnreadableCommit::UnreadableCommit;
};
struct ErasedOwner : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string encode_genesis(const Genesis& genesis, domain::Timestamp at);
Genesis decode_genesis(std::string_view value);  // throws UnreadableCommit
std::string new_uuid(Randomness& randomness);

}  // namespace groundtruth::journal
