// Fuzzes the way from a record to a commit: arbitrary bytes are refused in one way only, and what was read
// agrees with the prefix that acceptance looks at, and is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/unit/journal/codec_support.hpp"

namespace {

using namespace groundtruth::journal;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_same(const Commit& a, const Commit& b) {
  require(a.seq == b.seq && a.prev == b.prev && a.at == b.at && a.actor == b.actor);
  require(a.command.id == b.command.id && a.command.name == b.command.name &&
          a.command.keyed == b.command.keyed);
  require(a.cause.has_value() == b.cause.has_value());
  if (a.cause)
    require(a.cause->source == b.cause->source && a.cause->seq == b.cause->seq &&
            a.cause->event == b.cause->event && a.cause->effect == b.cause->effect);
  require(a.events.size() == b.events.size());
  for (std::size_t i = 0; i < a.events.size(); ++i) {
    require(a.events[i].stream == b.events[i].stream && a.events[i].version == b.events[i].version);
    require(test::plain_text(a.events[i].data) == test::plain_text(b.events[i].data));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  test::CountingRandomness randomness;
  const CommitCodec codec(std::string(test::kJournal), std::make_shared<test::FixedKeyStore>(), randomness);
  Commit commit;
  try {
    commit = codec.decode(value);
  } catch (const UnreadableCommit&) {
    return 0;  // anything else that is thrown ends the run
  }
  const auto prefix = parse_prefix(value);
  require(prefix.has_value() && prefix->seq == commit.seq && prefix->prev == commit.prev);
  if (commit.seq == 0) {
    const Genesis genesis = decode_genesis(value);
    require(decode_genesis(encode_genesis(genesis, commit.at)).journal == genesis.journal);
    return 0;
  }
  const auto again = codec.encode(commit);
  require_same(codec.decode(*again), commit);
  return 0;
}
