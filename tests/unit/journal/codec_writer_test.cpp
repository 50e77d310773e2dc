// How values are written: order, nulls, escapes, numbers.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "domain/task.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::journal::codec {
namespace {

struct Item {
  std::string name;
  std::optional<int> left_out;
  Nullable<int> null;
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, left_out, null))

struct Answer {
  domain::TaskId id;
  domain::TaskStatus status = domain::TaskStatus::open;
  domain::Cents reward_cents;
  bool flag = true;
  double score = 0;
  SecondsTime created_at;
  Nullable<SecondsTime> closed_at;
  std::vector<Item> items;
  std::map<std::string, std::int64_t> numbers;
  domain::JsonObject metadata;
};
BOOST_DESCRIBE_STRUCT(Answer, (),
                      (id, status, reward_cents, flag, score, created_at, closed_at, items, numbers,
                       metadata))

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Personal {
  domain::Sealed<std::string> name;
};
BOOST_DESCRIBE_STRUCT(Personal, (), (name))

struct FirstLeftOut {
  std::optional<int> a, b;
};
BOOST_DESCRIBE_STRUCT(FirstLeftOut, (), (a, b))

TEST_CASE("members stand in the order of their description") {
  Answer answer;
  answer.id = {"tsk_1"};
  answer.reward_cents = {-250};
  answer.score = 0.1;
  answer.created_at = {{1'781'793'120'999}};
  answer.items = {{"a", 1, Nullable<int>(2)}, {"b", std::nullopt, {}}};
  answer.numbers = {{"z", 1}, {"a\"", 2}};
  answer.metadata = {R"({"k":[1]})"};
  CHECK(to_json(answer) == R"({"id":"tsk_1","status":"open","reward_cents":-250,"flag":true,"score":0.1,)"
                           R"("created_at":"2026-06-18T14:32:00Z","closed_at":null,)"
                           R"("items":[{"name":"a","left_out":1,"null":2},{"name":"b","null":null}],)"
                           R"("numbers":{"a\"":2,"z":1},"metadata":{"k":[1]}})");
}

TEST_CASE("the first member may be left out") {
  CHECK(to_json(Nothing{}) == "{}");
  CHECK(to_json(FirstLeftOut{}) == "{}");
  CHECK(to_json(FirstLeftOut{std::nullopt, 1}) == R"({"b":1})");
  CHECK(to_json(FirstLeftOut{2, std::nullopt}) == R"({"a":2})");
}

TEST_CASE("text is escaped and comes back") {
  using namespace std::string_literals;
  CHECK(to_json("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f é 街 🚶"s) ==
        "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é 街 🚶\"");
  CHECK(to_json("\0"s) == R"("\u0000")");
  for (int c = 1; c < 128; ++c) {
    const std::string text{'x', static_cast<char>(c), 'y'};
    CHECK(decode_json<std::string>(to_json(text)).value == text);
  }
}

TEST_CASE("numbers are written in full") {
  CHECK(to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(to_json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(to_json(1e300) == "1e+300");
  CHECK_THROWS_AS(to_json(std::numeric_limits<double>::quiet_NaN()), std::invalid_argument);
  CHECK_THROWS_AS(to_json(std::numeric_limits<double>::infinity()), std::invalid_argument);
}

TEST_CASE("personal data is never written or read outside of a commit") {
  CHECK_THROWS_AS(to_json(Personal{{"Ann"}}), std::logic_error);
  CHECK_THROWS_AS(decode_json<Personal>(R"({"name":"Ann"})"), std::logic_error);
}

TEST_CASE("a value without a name is not invented") {
  CHECK_THROWS_AS(to_json(static_cast<domain::TaskStatus>(99)), std::invalid_argument);
}

}  // namespace
}  // namespace groundtruth::journal::codec
