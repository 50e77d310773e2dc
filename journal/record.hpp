// A record's bytes and the little that acceptance looks at (JOURNAL, "Record"): the exact prefix and the
// hash. Neither event types nor a JSON parser take part, so that every implementation in any language accepts
// the same chain.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "domain/values.hpp"

namespace groundtruth::journal {

inline constexpr std::size_t kMaxCommitBytes = 512 * 1024;

// BLAKE2b-256 of a record's exact value bytes; all zero stands before genesis.
struct CommitId {
  std::array<std::uint8_t, 32> bytes{};
  friend auto operator<=>(const CommitId&, const CommitId&) = default;
};
CommitId id_of(std::string_view value);
std::string to_hex(const CommitId& id);  // 64 lower-case digits

// Immutable bytes, shared by the writer that made them, the journal and whoever reads them.
using Bytes = std::shared_ptr<const std::string>;

struct Record {
  std::uint64_t offset = 0;  // the log's own; orphans take offsets too, so it is not the seq
  Bytes value;
  domain::Timestamp appended_at;  // by the log's clock
};

// `{"seq":N,"prev":"H",` with N without leading zeros and H 64 lower-case hex digits.
struct RecordPrefix {
  std::uint64_t seq = 0;
  CommitId prev;
};
std::optional<RecordPrefix> parse_prefix(std::string_view value);
void append_prefix(std::string& out, std::uint64_t seq, const CommitId& prev);

// The last accepted commit of a partition. Where `exists` is false the partition is empty: not even genesis.
struct Head {
  bool exists = false;
  std::uint64_t seq = 0;
  CommitId id;
  friend bool operator==(const Head&, const Head&) = default;
  std::uint64_t next_seq() const { return exists ? seq + 1 : 0; }
};

}  // namespace groundtruth::journal
