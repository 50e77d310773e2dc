// Classes of tasks (contract in feed_class.hpp).
#include "projections/tasks/feed_class.hpp"

#include <algorithm>
#include <bit>

namespace groundtruth::projections {
namespace {

constexpr std::int64_t kCellE6 = 1'000'000;  // a cell has one degree each way …
constexpr std::int64_t kHalfCellKm = 80;     // … so no place of it is farther from its middle than this

std::int64_t middle_of_cell(std::int64_t e6) {
  const std::int64_t cell = e6 >= 0 ? e6 / kCellE6 : -((-e6 + kCellE6 - 1) / kCellE6);
  return cell * kCellE6 + kCellE6 / 2;
}

// Radii in powers of two, or every radius would be a class of its own.
domain::Area around(const domain::Area& area) {
  const auto radius = std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(area.radius_km, 1)));
  return {{middle_of_cell(area.center.lat_e6), middle_of_cell(area.center.lng_e6)},
          static_cast<std::int64_t>(radius) + kHalfCellKm};
}

}  // namespace

FeedClass feed_class_of(const domain::Task& task) {
  FeedClass asks{task.modalities, task.requirements.skills, std::nullopt};
  std::sort(asks.modalities.begin(), asks.modalities.end());
  std::sort(asks.skills.begin(), asks.skills.end());
  if (task.requirements.area) asks.area = around(*task.requirements.area);
  return asks;
}

bool may_suit(const domain::Offer& offer, const FeedClass& asks) {
  return domain::suits(offer, asks.modalities, {asks.skills, asks.area});
}

}  // namespace groundtruth::projections
