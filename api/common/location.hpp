// Places, skills and what tasks ask, as requests spell them and answers show them.
#pragma once

#include <boost/describe.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "domain/requirements.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::api {

// -Max … Max.
template <int Max>
struct Degrees {
  double value = 0;
  static std::optional<journal::codec::FieldProblem> check(double degrees) {
    if (degrees >= -Max && degrees <= Max) return std::nullopt;
    return journal::codec::FieldProblem{
        "out_of_range", "must be between -" + std::to_string(Max) + " and " + std::to_string(Max), {}};
  }
  std::int64_t e6() const { return std::llround(value * 1e6); }
};

// {"lat":45.5017,"lng":-73.5673,"radius_km":25}
struct LocationField {
  static constexpr std::int64_t kDefaultRadiusKm = 25;
  Degrees<90> lat;
  Degrees<180> lng;
  std::optional<journal::codec::Integer<0, 20'000>> radius_km;

  domain::Area area() const {
    return {{lat.e6(), lng.e6()}, radius_km ? radius_km->value : kDefaultRadiusKm};
  }
};
BOOST_DESCRIBE_STRUCT(LocationField, (), (lat, lng, radius_km))

// At most 50 different tags of 1 to 40 characters. They are compared and kept as text.hpp has tags.
struct SkillList {
  static constexpr std::size_t kMaxItems = 50;
  std::vector<std::string> value;
  static std::optional<journal::codec::FieldProblem> check(const std::vector<std::string>& skills);
  std::vector<std::string> tags() const;
};

struct RequirementsField {
  std::optional<SkillList> skills;
  std::optional<LocationField> location;

  domain::Requirements requirements() const;
};
BOOST_DESCRIBE_STRUCT(RequirementsField, (), (skills, location))

void append_location(std::string& out, const domain::Area& area);
void append_requirements(std::string& out, const domain::Requirements& requirements);

}  // namespace groundtruth::api
