// Commits to bytes and back (journal/commit.hpp). The one form of a record is written here and nowhere else.
#include "journal/commit.hpp"

#include <sodium.h>

#include <utility>

#include "journal/codec/event_registry.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/codec/sealing.hpp"

namespace groundtruth::journal {
namespace {

// The record's JSON, as it is told apart from the types that the program works with.
struct WireActor {
  ActorKind kind{};
  std::string id;
  std::optional<std::string> account;
};
BOOST_DESCRIBE_STRUCT(WireActor, (), (kind, id, account))

struct WireCommand {
  domain::CommandId id;
  std::string name;
  std::optional<std::string> idempotency_key, scope, request_hash;
};
BOOST_DESCRIBE_STRUCT(WireCommand, (), (id, name, idempotency_key, scope, request_hash))

struct WireCause {
  std::string topic;
  std::uint16_t partition = 0;
  std::uint64_t seq = 0;
  std::uint32_t event = 0;
  std::string effect;
};
BOOST_DESCRIBE_STRUCT(WireCause, (), (topic, partition, seq, event, effect))

struct WireHead {  // what follows the prefix
  domain::Timestamp at;
  WireActor actor;
  WireCommand command;
  std::optional<WireCause> cause;
};
BOOST_DESCRIBE_STRUCT(WireHead, (), (at, actor, command, cause))

struct WireEvent {
  std::string stream;
  std::uint32_t version = 0;
  std::string type;
  std::int32_t schema = 0;
  codec::JsonPart data;
};
BOOST_DESCRIBE_STRUCT(WireEvent, (), (stream, version, type, schema, data))

struct WireCommit {
  std::uint64_t seq = 0;
  std::string prev;
  domain::Timestamp at;
  WireActor actor;
  WireCommand command;
  std::optional<WireCause> cause;
  std::vector<WireEvent> events;
};
BOOST_DESCRIBE_STRUCT(WireCommit, (), (seq, prev, at, actor, command, cause, events))

template <class E>
concept SealsData = requires(const E& event) { event.data_owner(); };

[[noreturn]] void unreadable(const std::string& reason) {
  throw UnreadableCommit(reason);
}

void refuse(const std::vector<codec::FieldError>& errors, std::string where) {
  if (errors.empty()) return;
  const auto& first = errors.front();
  if (!where.empty() && !first.path.empty()) where += '.';
  where += first.path;
  unreadable("'" + where + "' " + first.message);
}

void append_event_head(std::string& out, std::string_view stream, std::uint32_t version,
                       std::string_view type, int schema) {
  out += R"({"stream":)";
  codec::append_string(out, stream);
  out += R"(,"version":)";
  out += std::to_string(version);
  out += R"(,"type":)";
  codec::append_string(out, type);
  out += R"(,"schema":)";
  out += std::to_string(schema);
  out += R"(,"data":)";
}

// Everything up to the first event.
void append_head(std::string& out, std::uint64_t seq, const CommitId& prev, const WireHead& head) {
  append_prefix(out, seq, prev);
  const auto begin = out.size();
  codec::write_json(out, head);
  out.erase(begin, 1);  // its own brace: the members go on after the prefix
  out.back() = ',';
  out += R"("events":[)";
}

WireHead head_of(const Commit& commit) {
  WireHead head{commit.at,
                {commit.actor.kind, commit.actor.id, {}},
                {commit.command.id, commit.command.name, {}, {}, {}},
                {}};
  if (!commit.actor.account.empty()) head.actor.account = commit.actor.account;
  if (const auto& keyed = commit.command.keyed) {
    head.command.idempotency_key = keyed->key;
    head.command.scope = keyed->scope;
    head.command.request_hash = keyed->request_hash;
  }
  if (const auto& cause = commit.cause)
    head.cause = WireCause{std::string(to_string(cause->source.topic)), cause->source.number, cause->seq,
                           cause->event, cause->effect};
  return head;
}

// A record's document, checked in everything but the events' data.
struct Parsed {
  explicit Parsed(std::string_view value) : document(value, codec::kStoredLimits) {
    const auto prefix = parse_prefix(value);
    if (!prefix) unreadable("the record does not begin like a commit");
    if (value.find('\n') != std::string_view::npos) unreadable("the record is more than one line");
    if (document.error()) unreadable("the record " + document.error()->reason);
    std::vector<codec::FieldError> errors;
    codec::read_json(document, document.root(), wire, errors);
    refuse(errors, "");
    prev = prefix->prev;
  }

  bool is_genesis() const { return wire.seq == 0; }

  codec::JsonDocument document;
  WireCommit wire;
  CommitId prev;
};

Commit commit_of(WireCommit& wire, const CommitId& prev) {
  Commit commit;
  commit.seq = wire.seq;
  commit.prev = prev;
  commit.at = wire.at;
  commit.actor = {wire.actor.kind, std::move(wire.actor.id), std::move(wire.actor.account).value_or("")};
  commit.command.id = std::move(wire.command.id);
  commit.command.name = std::move(wire.command.name);
  auto& [id, name, key, scope, hash] = wire.command;
  if (key && scope && hash)
    commit.command.keyed = KeyedRequest{std::move(*key), std::move(*scope), std::move(*hash)};
  else if (key || scope || hash)
    unreadable("'command' has only a part of a keyed request");
  if (auto& cause = wire.cause) {
    const auto topic = parse_topic(cause->topic);
    if (!topic || cause->partition >= kPartitionsPerTopic) unreadable("'cause' names no partition");
    commit.cause = Cause{{*topic, cause->partition}, cause->seq, cause->event, std::move(cause->effect)};
  }
  return commit;
}

Genesis genesis_of(const Parsed& parsed) {
  const auto& events = parsed.wire.events;
  if (events.size() != 1 || events[0].type != Genesis::kType || parsed.prev != CommitId{})
    unreadable("the record at seq 0 is no genesis");
  if (events[0].schema != Genesis::kSchema) unreadable("unknown schema of journal.created");
  Genesis genesis;
  std::vector<codec::FieldError> errors;
  codec::read_json(parsed.document, events[0].data.node, genesis, errors);
  refuse(errors, "events[0].data");
  if (genesis.format != Genesis::kFormat)
    unreadable("the journal has format " + std::to_string(genesis.format) + ", this program reads " +
               std::to_string(Genesis::kFormat));
  return genesis;
}

}  // namespace

CommitCodec::CommitCodec(std::string journal_uuid, std::shared_ptr<KeyStore> keys, Randomness& randomness)
    : journal_uuid_(std::move(journal_uuid)), keys_(std::move(keys)), randomness_(&randomness) {
  init_crypto();
}

Bytes CommitCodec::encode(const Commit& commit) const {
  std::string out;
  out.reserve(1024);
  append_head(out, commit.seq, commit.prev, head_of(commit));
  for (const auto& [stream, version, data] : commit.events) {
    if (out.back() != '[') out += ',';
    std::visit(
        [&](const auto& event) {
          using E = std::remove_cvref_t<decltype(event)>;
          append_event_head(out, stream, version, E::kType, E::kSchema);
          if constexpr (SealsData<E>) {
            codec::EventSealer sealer(*keys_, *randomness_, {journal_uuid_, stream, version},
                                      event.data_owner());
            codec::write_json(out, event, &sealer);
          } else {
            codec::write_json(out, event);
          }
        },
        data);
    out += '}';
  }
  out += "]}";
  if (out.find('\n') != std::string::npos)
    throw std::invalid_argument("a JsonObject with line breaks cannot stand in a commit");
  return std::make_shared<const std::string>(std::move(out));
}

Commit CommitCodec::decode(std::string_view value) const {
  Parsed parsed(value);
  Commit commit = commit_of(parsed.wire, parsed.prev);
  if (parsed.is_genesis()) {
    genesis_of(parsed);
    return commit;
  }
  commit.events.reserve(parsed.wire.events.size());
  for (std::size_t i = 0; i < parsed.wire.events.size(); ++i) {
    auto& wire = parsed.wire.events[i];
    const std::string where = "events[" + std::to_string(i) + "]";
    if (wire.version == 0) unreadable("'" + where + ".version' must be at least 1");
    CommittedEvent event{std::move(wire.stream), wire.version, {}};
    codec::EventOpener opener(*keys_, {journal_uuid_, event.stream, event.version});
    std::vector<codec::FieldError> errors;
    codec::EventLookup lookup{};
    try {
      lookup = codec::read_event(codec::EventUpcasters{}, wire.type, wire.schema, parsed.document,
                                 wire.data.node, event.data, errors, &opener);
    } catch (const codec::BadSealedValue& e) {
      unreadable(where + ": " + e.what());
    }
    switch (lookup) {
      case codec::EventLookup::unknown_type:
        unreadable("'" + where + "' has the unknown type " + wire.type);
      case codec::EventLookup::unknown_schema:
        unreadable("'" + where + "' has the unknown schema " + std::to_string(wire.schema) + " of " +
                   wire.type);
      case codec::EventLookup::found:
        break;
    }
    refuse(errors, where + ".data");
    std::visit(
        [&](const auto& data) {
          if constexpr (SealsData<std::remove_cvref_t<decltype(data)>>)
            for (const auto& owner : opener.owners())
              if (owner != data.data_owner()) unreadable("'" + where + "' is sealed for another owner");
        },
        event.data);
    commit.events.push_back(std::move(event));
  }
  return commit;
}

std::string encode_genesis(const Genesis& genesis, domain::Timestamp at) {
  std::string out;
  append_head(out, 0, CommitId{},
              {at, {ActorKind::system, "journal.init", {}}, {{"genesis"}, "journal.init", {}, {}, {}}, {}});
  append_event_head(out, "journal", 1, Genesis::kType, Genesis::kSchema);
  codec::write_json(out, genesis);
  out += "}]}";
  return out;
}

Genesis decode_genesis(std::string_view value) {
  const Parsed parsed(value);
  if (!parsed.is_genesis()) unreadable("the record is no genesis: its seq is not 0");
  return genesis_of(parsed);
}

std::string new_uuid(Randomness& randomness) {
  std::uint8_t raw[16];
  randomness.fill(raw);
  raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0F) | 0x40);  // version 4
  raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3F) | 0x80);  // the variant of RFC 9562
  char hex[33];
  sodium_bin2hex(hex, sizeof hex, raw, sizeof raw);
  std::string out(hex);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) out.insert(at, 1, '-');
  return out;
}

std::string relay_of(const Cause& cause) {
  // `effect` is "relay.ordinal": the mark is the relay's, whichever of an event's effects came last.
  return cause.effect.substr(0, cause.effect.rfind('.')) + ":" + to_string(cause.source);
}

}  // namespace groundtruth::journal
