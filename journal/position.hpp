// Where things stand in the journal: topics, partitions, positions (DESIGN, section 3).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.hpp"

namespace groundtruth::journal {

enum class Topic : std::uint8_t { tasks, engagements, workers, runs, deliveries };
inline constexpr std::array kTopics{Topic::tasks, Topic::engagements, Topic::workers, Topic::runs,
                                    Topic::deliveries};
inline constexpr std::uint16_t kPartitionsPerTopic = 16;

std::string_view to_string(Topic topic);
std::optional<Topic> parse_topic(std::string_view name);

struct Partition {
  Topic topic = Topic::tasks;
  std::uint16_t number = 0;  // 0 … kPartitionsPerTopic - 1
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

// Dense numbering of all partitions of all topics, for arrays.
inline constexpr std::size_t kPartitionTotal = kTopics.size() * kPartitionsPerTopic;
constexpr std::size_t index_of(Partition p) {
  return static_cast<std::size_t>(p.topic) * kPartitionsPerTopic + p.number;
}
constexpr Partition partition_at(std::size_t index) {
  return {kTopics[index / kPartitionsPerTopic], static_cast<std::uint16_t>(index % kPartitionsPerTopic)};
}
constexpr Partition partition_of(Topic topic, domain::Bucket bucket) {
  return {topic, static_cast<std::uint16_t>(bucket.value % kPartitionsPerTopic)};
}

std::string to_string(Partition p);                               // "tasks/3"
std::optional<Partition> parse_partition(std::string_view text);  // the same form

// A place in a partition's chain; the form of the Journal-Position header is "tasks.3.1234".
struct Position {
  Partition partition;
  std::uint64_t seq = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};
std::string to_string(Position p);
std::optional<Position> parse_position(std::string_view text);

}  // namespace groundtruth::journal
