// The text forms of topics, partitions and positions (journal/position.hpp).
#include "journal/position.hpp"

#include <charconv>

namespace groundtruth::journal {
namespace {

// Decimal without sign, leading zeros or anything after it.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return value;
}

std::optional<Partition> partition_from(std::string_view topic, std::string_view number) {
  const auto known = parse_topic(topic);
  const auto value = parse_number(number);
  if (!known || !value || *value >= kPartitionsPerTopic) return std::nullopt;
  return Partition{*known, static_cast<std::uint16_t>(*value)};
}

}  // namespace

std::string_view to_string(Topic topic) {
  switch (topic) {
    case Topic::tasks:
      return "tasks";
    case Topic::engagements:
      return "engagements";
    case Topic::workers:
      return "workers";
    case Topic::runs:
      return "runs";
    case Topic::deliveries:
      return "deliveries";
  }
  return "";
}

std::optional<Topic> parse_topic(std::string_view name) {
  for (const Topic topic : kTopics)
    if (to_string(topic) == name) return topic;
  return std::nullopt;
}

std::string to_string(Partition p) {
  std::string out(to_string(p.topic));
  out += '/';
  out += std::to_string(p.number);
  return out;
}

std::optional<Partition> parse_partition(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return partition_from(text.substr(0, slash), text.substr(slash + 1));
}

std::string to_string(Position p) {
  std::string out(to_string(p.partition.topic));
  out += '.';
  out += std::to_string(p.partition.number);
  out += '.';
  out += std::to_string(p.seq);
  return out;
}

std::optional<Position> parse_position(std::string_view text) {
  const auto first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto partition = partition_from(text.substr(0, first), text.substr(first + 1, second - first - 1));
  const auto seq = parse_number(text.substr(second + 1));
  if (!partition || !seq) return std::nullopt;
  return Position{*partition, *seq};
}

}  // namespace groundtruth::journal
