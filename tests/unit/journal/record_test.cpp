// What acceptance looks at, prefix and hash, and the text forms of positions (JOURNAL, "Record").
#include "journal/record.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "journal/ports.hpp"
#include "journal/position.hpp"

namespace groundtruth::journal {
namespace {

const std::string kHex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

TEST_CASE("an id is the BLAKE2b-256 of the bytes") {
  // Values of b2sum -l 256.
  CHECK(to_hex(id_of("")) == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  CHECK(to_hex(id_of("abc")) == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  CHECK(to_hex(CommitId{}) == std::string(64, '0'));
}

TEST_CASE("a prefix is read back") {
  for (const std::uint64_t seq :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1234567890}, ~std::uint64_t{0}}) {
    std::string text;
    append_prefix(text, seq, id_of("abc"));
    const auto prefix = parse_prefix(text);
    REQUIRE(prefix);
    CHECK(prefix->seq == seq);
    CHECK(prefix->prev == id_of("abc"));
  }
}

TEST_CASE("a prefix has one form only") {
  CHECK(parse_prefix(R"({"seq":12,"prev":")" + kHex + R"(",)"));
  CHECK(parse_prefix(R"({"seq":12,"prev":")" + kHex + R"(",and whatever follows)"));
  const std::vector<std::string> refused{
      "",
      "{}",
      R"({"seq":)",
      R"({"seq":,"prev":")" + kHex + R"(",)",
      R"({"seq":012,"prev":")" + kHex + R"(",)",
      R"({"seq":00,"prev":")" + kHex + R"(",)",
      R"({"seq":-1,"prev":")" + kHex + R"(",)",
      R"({"seq":+1,"prev":")" + kHex + R"(",)",
      R"({"seq":1.0,"prev":")" + kHex + R"(",)",
      R"({"seq":1e3,"prev":")" + kHex + R"(",)",
      R"({"seq":"1","prev":")" + kHex + R"(",)",
      R"({"seq":18446744073709551616,"prev":")" + kHex + R"(",)",
      R"({ "seq":12,"prev":")" + kHex + R"(",)",
      R"({"seq": 12,"prev":")" + kHex + R"(",)",
      R"({"seq":12 ,"prev":")" + kHex + R"(",)",
      R"({"seq":12,"prev": ")" + kHex + R"(",)",
      R"( {"seq":12,"prev":")" + kHex + R"(",)",
      R"({"prev":")" + kHex + R"(","seq":12,)",
      R"({"seq":12,"prev":")" + kHex.substr(1) + R"(",)",
      R"({"seq":12,"prev":")" + kHex + R"(0",)",
      R"({"seq":12,"prev":")" + kHex + R"("})",
      R"({"seq":12,"prev":")" + kHex,
      R"({"seq":12,"prev":")" + kHex + "\"",
      R"({"seq":12,"prev":"A)" + kHex.substr(1) + R"(",)",
      R"({"seq":12,"prev":"g)" + kHex.substr(1) + R"(",)",
  };
  for (const auto& text : refused) {
    CAPTURE(text);
    CHECK_FALSE(parse_prefix(text));
  }
}

TEST_CASE("positions and partitions in text") {
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    const Partition partition = partition_at(i);
    CHECK(index_of(partition) == i);
    CHECK(parse_partition(to_string(partition)) == partition);
    const Position position{partition, i * 1'000'003};
    CHECK(parse_position(to_string(position)) == position);
  }
  CHECK(to_string(Partition{Topic::tasks, 3}) == "tasks/3");
  CHECK(to_string(Position{{Topic::tasks, 3}, 1234}) == "tasks.3.1234");
  for (const std::string_view text : {"", "tasks", "tasks/", "tasks/16", "tasks/03", "tasks/-1", "tasks/3/",
                                      "tasks/3 ", "Tasks/3", "x/3", "tasks.3", "/3"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_partition(text));
  }
  for (const std::string_view text :
       {"", "tasks.3", "tasks.3.", "tasks.16.1", "tasks.3.01", "tasks.3.-1", "tasks.3.1.", "tasks/3.1",
        "x.3.1", "..", "tasks.3.18446744073709551616", "tasks.3.1 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_position(text));
  }
}

TEST_CASE("a bucket leads to one partition") {
  CHECK(partition_of(Topic::tasks, {0}) == Partition{Topic::tasks, 0});
  CHECK(partition_of(Topic::tasks, {17}) == Partition{Topic::tasks, 1});
  CHECK(partition_of(Topic::workers, {1023}) == Partition{Topic::workers, 15});
}

TEST_CASE("the machine's ports work") {
  CHECK(system_clock().now() > domain::Timestamp{1'700'000'000'000});
  const auto earlier = system_clock().steady();
  CHECK(earlier <= system_clock().steady());
  const auto bits = system_randomness().bits();
  CHECK(bits != system_randomness().bits());
}

}  // namespace
}  // namespace groundtruth::journal
