// Ranges as RFC 9110, section 14, has them.
#include "api/common/range.hpp"

#include <doctest/doctest.h>

#include "api/common/etag.hpp"

using namespace groundtruth;
using namespace groundtruth::api;
using Kind = RangeChoice::Kind;

namespace {

const std::string kTag = "\"abc\"";

RangeChoice choose(const std::string& range, std::uint64_t size_bytes = 1'000,
                   const std::string& if_range = {}) {
  http::Headers headers;
  headers.add("Range", range);
  if (!if_range.empty()) headers.add("If-Range", if_range);
  return choose_range(headers, size_bytes, kTag);
}

}  // namespace

TEST_CASE("a range is a part of what there is") {
  struct Row {
    std::string range;
    std::uint64_t offset, bytes;
    std::string content_range;
  };
  const Row rows[] = {
      {"bytes=0-0", 0, 1, "bytes 0-0/1000"},
      {"bytes=0-499", 0, 500, "bytes 0-499/1000"},
      {"bytes=500-999", 500, 500, "bytes 500-999/1000"},
      {"bytes=999-", 999, 1, "bytes 999-999/1000"},
      {"bytes=0-", 0, 1'000, "bytes 0-999/1000"},
      {"bytes=500-5000", 500, 500, "bytes 500-999/1000"},
      {"bytes=500-99999999999999999999999", 500, 500, "bytes 500-999/1000"},
      {"bytes=-1", 999, 1, "bytes 999-999/1000"},
      {"bytes=-1000", 0, 1'000, "bytes 0-999/1000"},
      {"bytes=-99999999999999999999999", 0, 1'000, "bytes 0-999/1000"},
      {"Bytes= 0-9 ", 0, 10, "bytes 0-9/1000"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.range);
    const auto choice = choose(row.range);
    CHECK(choice.kind == Kind::part);
    CHECK(choice.offset == row.offset);
    CHECK(choice.bytes == row.bytes);
    CHECK(content_range(choice, 1'000) == row.content_range);
  }
}

TEST_CASE("a range beyond what there is cannot be satisfied") {
  for (const char* range : {"bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999999-"}) {
    CAPTURE(range);
    const auto choice = choose(range);
    CHECK(choice.kind == Kind::unsatisfiable);
    CHECK(choice.bytes == 0);
    CHECK(content_range(choice, 1'000) == "bytes */1000");
  }
  CHECK(choose("bytes=0-", 0).kind == Kind::unsatisfiable);
  CHECK(choose("bytes=-5", 0).kind == Kind::whole);
}

TEST_CASE("a range that is malformed, or one of several, is ignored") {
  for (const char* range :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-4", "bytes=0-1,3-4", "bytes=0-1,",
        "items=0-1", "bytes=0-1-2", "bytes=+1-2", "bytes=0x1-2", "bytes=--1", "bytes 0-1", "bytes=0 -1"}) {
    CAPTURE(range);
    const auto choice = choose(range);
    CHECK(choice.kind == Kind::whole);
    CHECK(choice.offset == 0);
    CHECK(choice.bytes == 1'000);
  }
  http::Headers headers;
  CHECK(choose_range(headers, 1'000, kTag).kind == Kind::whole);
  headers.add("Range", "bytes=0-1");
  headers.add("Range", "bytes=0-1");
  CHECK(choose_range(headers, 1'000, kTag).kind == Kind::whole);
}

TEST_CASE("If-Range wants the strong tag of what is there") {
  CHECK(choose("bytes=0-1", 1'000, kTag).kind == Kind::part);
  for (const char* other :
       {"\"abd\"", "W/\"abc\"", "abc", "*", "\"abc\", \"abd\"", "Sat, 29 Oct 1994 19:43:31 GMT"})
    CHECK(choose("bytes=0-1", 1'000, other).kind == Kind::whole);
  CHECK(choose("bytes=2000-", 1'000, "\"abd\"").kind == Kind::whole);
}

TEST_CASE("If-None-Match with tags of any text") {
  for (const char* header : {"*", "\"abc\"", "W/\"abc\"", " \"x\" , \"abc\" "})
    CHECK(none_match_hits(header, kTag));
  for (const char* header : {"", "abc", "\"ab\"", "\"x\",\"y\""}) CHECK_FALSE(none_match_hits(header, kTag));
}
