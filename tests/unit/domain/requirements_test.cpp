// Matching: what a task asks for and what a worker offers.
#include "domain/requirements.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

constexpr GeoPoint kBerlin{52'520'000, 13'405'000}, kParis{48'856'600, 2'352'200},
    kSydney{-33'868'800, 151'209'300}, kLondon{51'507'400, -127'800};

TEST_CASE("distances are those of the globe, within one in a hundred") {
  struct Row {
    const char* words;
    GeoPoint a, b;
    double km;
  };
  constexpr double kHalfWay = 20'015;
  for (const auto& [words, a, b, km] :
       {Row{"nowhere", kBerlin, kBerlin, 0}, Row{"Berlin and Paris", kBerlin, kParis, 878},
        Row{"London and Sydney", kLondon, kSydney, 16'994},
        Row{"a degree of latitude", {0, 0}, {1'000'000, 0}, 111.2},
        Row{"a degree of longitude far north", {60'000'000, 0}, {60'000'000, 1'000'000}, 55.6},
        Row{"over the line of the date", {0, 179'900'000}, {0, -179'900'000}, 22.2},
        Row{"the line of the date, named from both sides",
            {10'000'000, 180'000'000},
            {10'000'000, -180'000'000},
            0},
        Row{"over a pole", {89'900'000, 0}, {89'900'000, 180'000'000}, 22.2},
        Row{"a pole, by two names", {90'000'000, 0}, {90'000'000, 90'000'000}, 0},
        Row{"pole and pole", {90'000'000, 0}, {-90'000'000, 0}, kHalfWay},
        Row{"opposite ends of the Equator", {0, 0}, {0, 180'000'000}, kHalfWay}}) {
    CAPTURE(words);
    CHECK(distance_km(a, b) == doctest::Approx(km).epsilon(0.01));
    CHECK(distance_km(b, a) == doctest::Approx(distance_km(a, b)));
  }
}

// A sum of squares that is less than nothing by a rounding must not become the far side of the Earth.
TEST_CASE("a place is at no distance from itself, whatever its coordinates are") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  std::mt19937_64 engine(seed);
  for (int i = 0; i < 20'000; ++i) {
    const GeoPoint place{static_cast<std::int64_t>(engine() % 180'000'001) - 90'000'000,
                         static_cast<std::int64_t>(engine() % 360'000'001) - 180'000'000};
    const GeoPoint over_the_pole{180'000'000 - place.lat_e6, place.lng_e6 + 180'000'000};
    REQUIRE(distance_km(place, place) < 0.001);
    REQUIRE(distance_km(place, over_the_pole) < 0.001);
  }
}

TEST_CASE("areas overlap where their circles touch") {
  const double km = distance_km(kBerlin, kParis);
  const auto floor = static_cast<std::int64_t>(km), ceiling = floor + 1;
  struct Row {
    Area a, b;
    bool overlaps;
  };
  for (const auto& [a, b, overlaps] :
       {Row{{kBerlin, 0}, {kBerlin, 0}, true}, Row{{kBerlin, ceiling}, {kParis, 0}, true},
        Row{{kBerlin, floor}, {kParis, 0}, false},
        Row{{kBerlin, floor / 2}, {kParis, ceiling - floor / 2}, true},
        Row{{kBerlin, floor / 2}, {kParis, floor - floor / 2}, false},
        Row{{kBerlin, 20'016}, {{-52'520'000, -166'595'000}, 0}, true}}) {
    CHECK(overlap(a, b) == overlaps);
    CHECK(overlap(b, a) == overlaps);
  }
}

TEST_CASE("a worker suits a task when they have all that it asks for, where it asks for it") {
  using enum Modality;
  const std::optional<Area> berlin = Area{kBerlin, 20}, paris = Area{kParis, 20}, anywhere;
  struct Row {
    const char* words;
    Offer offer;
    std::vector<Modality> modalities;
    Requirements requirements;
    bool suit;
  };
  for (const Row& row :
       {Row{"asks nothing of somebody with nothing", {}, {video}, {}, true},
        Row{"asks no modality at all", {{}, {audio}, anywhere}, {}, {}, true},
        Row{"all skills",
            {{"drone", "french", "night"}, {}, anywhere},
            {video},
            {{"night", "drone"}, {}},
            true},
        Row{"one skill is missing", {{"drone"}, {}, anywhere}, {video}, {{"night", "drone"}, {}}, false},
        Row{"skills are whole words", {{"drones"}, {}, anywhere}, {video}, {{"drone"}, {}}, false},
        Row{"the same skill twice", {{"drone"}, {}, anywhere}, {video}, {{"drone", "drone"}, {}}, true},
        Row{"records just that", {{}, {video}, anywhere}, {video}, {}, true},
        Row{"records only one of two", {{}, {video}, anywhere}, {video, audio}, {}, false},
        Row{"records something else", {{}, {text, image}, anywhere}, {video}, {}, false},
        Row{"records whatever comes", {{}, {}, anywhere}, {video, audio, image, text}, {}, true},
        Row{"here", {{}, {}, berlin}, {video}, {{}, berlin}, true},
        Row{"elsewhere", {{}, {}, paris}, {video}, {{}, berlin}, false},
        Row{"a place of somebody without one", {{}, {}, anywhere}, {video}, {{}, berlin}, false},
        Row{"any place of somebody who has one", {{}, {}, paris}, {video}, {{}, anywhere}, true},
        Row{"the place, but not the skill", {{}, {}, berlin}, {video}, {{"drone"}, berlin}, false}}) {
    CAPTURE(row.words);
    CHECK(suits(row.offer, row.modalities, row.requirements) == row.suit);
  }
}

}  // namespace
}  // namespace groundtruth::domain::test
