// Matching of tasks and workers (domain/requirements.hpp).
#include "domain/requirements.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace groundtruth::domain {
namespace {

constexpr double kEarthRadiusKm = 6'371.0;

double radians(std::int64_t e6) {
  return static_cast<double>(e6) / 1e6 * std::numbers::pi / 180.0;
}

template <class T>
bool has_all(const std::vector<T>& owned, const std::vector<T>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const T& one) { return std::find(owned.begin(), owned.end(), one) != owned.end(); });
}

}  // namespace

double distance_km(const GeoPoint& a, const GeoPoint& b) {
  const double lat_a = radians(a.lat_e6), lat_b = radians(b.lat_e6);
  const double half_lat = (lat_b - lat_a) / 2, half_lng = radians(b.lng_e6 - a.lng_e6) / 2;
  const double haversine =
      std::pow(std::sin(half_lat), 2) + std::cos(lat_a) * std::cos(lat_b) * std::pow(std::sin(half_lng), 2);
  // A rounding may lead out of 0 … 1 where the places are the same or opposite.
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::clamp(haversine, 0.0, 1.0)));
}

bool overlap(const Area& a, const Area& b) {
  return distance_km(a.center, b.center) <= static_cast<double>(a.radius_km + b.radius_km);
}

bool suits(const Offer& offer, const std::vector<Modality>& modalities, const Requirements& requirements) {
  if (!has_all(offer.skills, requirements.skills)) return false;
  if (!offer.modalities.empty() && !has_all(offer.modalities, modalities)) return false;
  if (!requirements.area) return true;
  return offer.area && overlap(*offer.area, *requirements.area);
}

}  // namespace groundtruth::domain
