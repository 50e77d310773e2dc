// What a task asks of whoever takes it, what a worker offers, and whether the two suit each other (CONTRACTS,
// "The people who do the work": the feed matches skills and location).
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace groundtruth::domain {

enum class Modality : std::uint8_t { video, audio, image, text };
BOOST_DESCRIBE_ENUM(Modality, video, audio, image, text)

// A place on Earth in millionths of a degree: integers compare and store alike everywhere.
struct GeoPoint {
  std::int64_t lat_e6 = 0;  // -90,000,000 … 90,000,000, north is positive
  std::int64_t lng_e6 = 0;  // -180,000,000 … 180,000,000, east is positive
  friend bool operator==(const GeoPoint&, const GeoPoint&) = default;
};
BOOST_DESCRIBE_STRUCT(GeoPoint, (), (lat_e6, lng_e6))

// Along the surface of a sphere of 6,371 km: within 0.6 % of the truth.
double distance_km(const GeoPoint& a, const GeoPoint& b);

struct Area {
  GeoPoint center;
  std::int64_t radius_km = 0;
  friend bool operator==(const Area&, const Area&) = default;
};
BOOST_DESCRIBE_STRUCT(Area, (), (center, radius_km))

// True when some place lies in both.
bool overlap(const Area& a, const Area& b);

// Of a task, besides its modalities.
struct Requirements {
  std::vector<std::string> skills;  // all of them; tags in lower case
  std::optional<Area> area;         // where; nullopt: anywhere
  friend bool operator==(const Requirements&, const Requirements&) = default;
};
BOOST_DESCRIBE_STRUCT(Requirements, (), (skills, area))

// Of a worker.
struct Offer {
  std::vector<std::string> skills;
  std::vector<Modality> modalities;  // what they record; empty: everything
  std::optional<Area> area;          // where they work; nullopt: only tasks that may be done anywhere
  friend bool operator==(const Offer&, const Offer&) = default;
};
BOOST_DESCRIBE_STRUCT(Offer, (), (skills, modalities, area))

bool suits(const Offer& offer, const std::vector<Modality>& modalities, const Requirements& requirements);

}  // namespace groundtruth::domain
