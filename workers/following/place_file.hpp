// The file that keeps a worker's places: which records of which partitions it stands behind, in each lane.
// Private to workers/following.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "journal/read_models.hpp"

namespace groundtruth::workers {

struct KeptPlace {
  journal::Partition partition;
  journal::Checkpoint place;
  std::optional<std::uint32_t> lane;  // nullopt: all lanes stand here
};

// Nothing where there is no file, none that can be read, or one of another journal.
std::vector<KeptPlace> read_places(const std::filesystem::path& file, const std::string& journal_uuid);

// Whole and on disk, or not at all. False: it could not be written; the next call may have room.
bool write_places(const std::filesystem::path& file, const std::string& journal_uuid,
                  const std::vector<KeptPlace>& places);

}  // namespace groundtruth::workers
