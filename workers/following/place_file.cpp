// See place_file.hpp.
#include "workers/following/place_file.hpp"

#include <boost/describe.hpp>
#include <fstream>
#include <sstream>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/durable_file.hpp"

namespace groundtruth::workers {
namespace {

struct SavedLine {
  std::string partition;
  std::uint64_t offset = 0;
  std::uint64_t seq = 0;
  std::string id;
  std::optional<std::uint32_t> lane;  // nullopt: all lanes stand here
};
BOOST_DESCRIBE_STRUCT(SavedLine, (), (partition, offset, seq, id, lane))

struct Saved {
  std::string journal;
  std::vector<SavedLine> lines;
};
BOOST_DESCRIBE_STRUCT(Saved, (), (journal, lines))

std::optional<journal::CommitId> from_hex(std::string_view hex) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  journal::CommitId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

}  // namespace

std::vector<KeptPlace> read_places(const std::filesystem::path& file, const std::string& journal_uuid) {
  std::ifstream in(file);
  if (!in) return {};
  std::ostringstream text;
  text << in.rdbuf();
  const auto saved = journal::codec::decode_json<Saved>(text.str());
  if (!saved || saved.value->journal != journal_uuid) return {};
  std::vector<KeptPlace> places;
  for (const auto& line : saved.value->lines) {
    const auto partition = journal::parse_partition(line.partition);
    const auto id = from_hex(line.id);
    if (partition && id) places.push_back({*partition, {true, line.offset, line.seq, *id}, line.lane});
  }
  return places;
}

bool write_places(const std::filesystem::path& file, const std::string& journal_uuid,
                  const std::vector<KeptPlace>& places) {
  Saved saved{journal_uuid, {}};
  for (const auto& [partition, place, lane] : places)
    saved.lines.push_back(
        {journal::to_string(partition), place.offset, place.seq, journal::to_hex(place.id), lane});
  try {
    journal::replace_durably(file, journal::codec::to_json(saved) + "\n");
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

}  // namespace groundtruth::workers
