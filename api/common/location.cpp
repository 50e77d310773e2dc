// See location.hpp.
#include "api/common/location.hpp"

#include <algorithm>
#include <charconv>

#include "api/common/json_object.hpp"
#include "api/common/text.hpp"

namespace groundtruth::api {
namespace {

constexpr std::size_t kMaxSkills = 50, kMaxSkillCharacters = 40;

// Exactly, without the noise of binary fractions: -73.567253.
std::string degrees(std::int64_t e6) {
  constexpr std::int64_t one = 1'000'000;
  const std::int64_t whole = std::abs(e6) / one;
  std::string fraction = std::to_string(one + std::abs(e6) % one).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  std::string text = (e6 < 0 ? "-" : "") + std::to_string(whole);
  return fraction.empty() ? text : text + '.' + fraction;
}

}  // namespace

std::optional<journal::codec::FieldProblem> SkillList::check(const std::vector<std::string>& skills) {
  using journal::codec::FieldProblem;
  if (auto problem = journal::codec::check_length(skills.size(), 0, kMaxSkills, "item")) return problem;
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < skills.size(); ++i) {
    if (auto problem = journal::codec::check_length(journal::codec::code_points(skills[i]), 1,
                                                    kMaxSkillCharacters, "character")) {
      problem->item = i;
      return problem;
    }
    auto tag = to_tag(skills[i]);
    if (std::find(seen.begin(), seen.end(), tag) != seen.end())
      return FieldProblem{"duplicate_item", "repeats an earlier item", i};
    seen.push_back(std::move(tag));
  }
  return std::nullopt;
}

std::vector<std::string> SkillList::tags() const {
  std::vector<std::string> tags;
  for (const auto& skill : value) tags.push_back(to_tag(skill));
  return tags;
}

domain::Requirements RequirementsField::requirements() const {
  domain::Requirements asked;
  if (skills) asked.skills = skills->tags();
  if (location) asked.area = location->area();
  return asked;
}

void append_location(std::string& out, const domain::Area& area) {
  ObjectWriter(out)
      .raw("lat", degrees(area.center.lat_e6))
      .raw("lng", degrees(area.center.lng_e6))
      .member("radius_km", area.radius_km)
      .end();
}

void append_requirements(std::string& out, const domain::Requirements& requirements) {
  ObjectWriter object(out);
  object.member("skills", requirements.skills);
  object.head("location");
  if (requirements.area)
    append_location(out, *requirements.area);
  else
    out += "null";
  object.end();
}

}  // namespace groundtruth::api
