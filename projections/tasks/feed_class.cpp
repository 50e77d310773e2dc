// What tasks ask (contract in feed_class.hpp).
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

}  // namespace

FeedAsk feed_ask_of(const domain::Task& task) {
  FeedAsk ask{task.modalities, task.requirements.skills};
  std::sort(ask.modalities.begin(), ask.modalities.end());
  std::sort(ask.skills.begin(), ask.skills.end());
  return ask;
}

bool suits(const domain::Offer& offer, const FeedAsk& ask) {
  return domain::suits(offer, ask.modalities, {ask.skills, std::nullopt});
}

// Radii in powers of two, or every radius would make an area of its own.
domain::Area feed_area_of(const domain::Area& area) {
  const auto radius = std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(area.radius_km, 1)));
  return {{middle_of_cell(area.center.lat_e6), middle_of_cell(area.center.lng_e6)},
          static_cast<std::int64_t>(radius) + kHalfCellKm};
}

bool may_reach(const domain::Offer& offer, const domain::Area& feed_area) {
  return offer.area && domain::overlap(*offer.area, feed_area);
}

}  // namespace groundtruth::projections
