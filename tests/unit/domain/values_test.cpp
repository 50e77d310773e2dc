// Times as RFC 3339, in and out.
#include "domain/values.hpp"

#include <doctest/doctest.h>

#include <string>

namespace groundtruth::domain {
namespace {

TEST_CASE("a time is read whatever its zone and fraction") {
  struct Row {
    std::string_view text, same_as;
  };
  for (const auto& [text, same_as] : {Row{"2026-06-18T14:32:00Z", "2026-06-18T14:32:00.000Z"},
                                      Row{"2026-06-18T14:32:00.1Z", "2026-06-18T14:32:00.100Z"},
                                      Row{"2026-06-18T14:32:00.123Z", "2026-06-18T14:32:00.123Z"},
                                      Row{"2026-06-18T14:32:00.123999999Z", "2026-06-18T14:32:00.123Z"},
                                      Row{"2026-06-18t14:32:00z", "2026-06-18T14:32:00.000Z"},
                                      Row{"2026-06-18T16:32:00+02:00", "2026-06-18T14:32:00.000Z"},
                                      Row{"2026-06-18T09:02:00-05:30", "2026-06-18T14:32:00.000Z"},
                                      Row{"2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000Z"},
                                      Row{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
                                      Row{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
                                      Row{"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
                                      // A leap second is the first one of the next day.
                                      Row{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
                                      Row{"2015-07-01T01:59:60.5+02:00", "2015-07-01T00:00:00.500Z"},
                                      Row{"2016-12-31T18:29:60-05:30", "2017-01-01T00:00:00.000Z"}}) {
    CAPTURE(text);
    const auto time = parse_rfc3339(text);
    REQUIRE(time);
    CHECK(to_rfc3339_ms(*time) == same_as);
    CHECK(to_rfc3339_s(*time) == std::string(same_as.substr(0, 19)) + "Z");
    CHECK(parse_rfc3339(to_rfc3339_ms(*time)) == time);
  }
}

TEST_CASE("what is no time is refused") {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026-06-18",
                                      "2026-06-18T14:32Z",
                                      "2026-06-18T14:32:00",
                                      "2026-06-18 14:32:00Z",
                                      "2026-6-18T14:32:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-06-31T00:00:00Z",
                                      "2026-06-00T00:00:00Z",
                                      "2026-06-18T24:00:00Z",
                                      "2026-06-18T14:60:00Z",
                                      "2026-06-18T14:32:00.Z",
                                      "2026-06-18T14:32:00.1234567890Z",
                                      "2026-06-18T14:32:00,5Z",
                                      "2026-06-18T14:32:00+2:00",
                                      "2026-06-18T14:32:00+02",
                                      "2026-06-18T14:32:00+24:00",
                                      "2026-06-18T14:32:00+02:60",
                                      "2026-06-18T14:32:00Z ",
                                      " 2026-06-18T14:32:00Z",
                                      "1969-12-31T23:59:59Z",
                                      "12026-06-18T14:32:00Z",
                                      "-026-06-18T14:32:00Z",
                                      "1970-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "2016-12-31T23:58:60Z",
                                      "2016-12-31T12:00:60Z",
                                      "2016-12-31T23:59:60+01:00",
                                      "2016-12-31T23:59:61Z",
                                      "9999-12-31T23:59:60Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("cents add up") {
  CHECK(Cents{250} * 100 == Cents{25'000});
  CHECK(Cents{1} - Cents{3} == -Cents{2});
  Cents sum;
  sum += Cents{5};
  CHECK(sum == Cents{5});
}

}  // namespace
}  // namespace groundtruth::domain
