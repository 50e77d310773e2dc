// How requests are read (CONTRACTS, "Requests"): each rule as rows of bad bodies and the answer to them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "domain/task.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::journal::codec {
namespace {

struct Contact {
  Text<1, 20> name;
  std::optional<bool> primary;
};
BOOST_DESCRIBE_STRUCT(Contact, (), (name, primary))

struct TaskRequest {
  Text<1, 10> title;
  UniqueList<domain::Modality, 1, 4> modalities;
  CentsBetween<1, 1'000'000> reward_cents;
  Nullable<domain::Timestamp> deadline;
  std::optional<JsonObjectMax<40>> metadata;
  std::optional<List<Contact, 0, 3>> contacts;
  std::optional<double> weight;
  std::optional<std::uint8_t> small;
  std::optional<std::int64_t> large;
};
BOOST_DESCRIBE_STRUCT(TaskRequest, (),
                      (title, modalities, reward_cents, deadline, metadata, contacts, weight, small, large))

constexpr std::string_view kGood = R"("title":"t","modalities":["video"],"reward_cents":5)";

std::string with(std::string_view member) {
  return "{" + std::string(kGood) + "," + std::string(member) + "}";
}

// "path code" of each error, in order.
std::vector<std::string> errors_of(std::string_view body) {
  const auto result = decode_json<TaskRequest>(body);
  std::vector<std::string> out;
  if (result.not_json) out.push_back("not JSON");
  for (const auto& error : result.errors) out.push_back(error.path + " " + error.code);
  CHECK(result.value.has_value() == out.empty());
  return out;
}

using Errors = std::vector<std::string>;

TEST_CASE("a good request becomes its value") {
  const auto result = decode_json<TaskRequest>(
      " {\"reward_cents\" : 250, \"title\":\"Stra\\u00dfe\\n\", \"modalities\":[\"audio\",\"video\"],\r\n\t"
      "\"deadline\":\"2026-06-18T16:32:00+02:00\", \"metadata\":{ \"a b\" : [ 1.50 , \" x \" ] },"
      "\"contacts\":[{\"name\":\"a\",\"primary\":true},{\"name\":\"b\"}], \"weight\":3, \"small\":255,"
      "\"large\":-9007199254740992} ");
  REQUIRE(result);
  const TaskRequest& task = *result.value;
  CHECK(task.title.value == "Straße\n");
  CHECK(task.modalities.value == std::vector{domain::Modality::audio, domain::Modality::video});
  CHECK(task.reward_cents.value == domain::Cents{250});
  CHECK(task.deadline.value == domain::parse_rfc3339("2026-06-18T14:32:00Z"));
  CHECK(task.metadata->value.text == R"({"a b":[1.50," x "]})");
  CHECK(task.contacts->value[0].primary == true);
  CHECK(task.contacts->value[1].primary == std::nullopt);
  CHECK(task.weight == 3.0);
  CHECK(task.small == 255);
  CHECK(task.large == -9007199254740992);
}

TEST_CASE("a wrong field is named by its path") {
  struct Row {
    std::string body;
    Errors errors;
  };
  const std::vector<Row> rows{
      {"{" + std::string(kGood) + "}", {}},
      {with(R"("deadline":null)"), {}},
      {with(R"("metadata":null)"), {"metadata invalid_type"}},
      {R"([])", {" invalid_type"}},
      {R"("text")", {" invalid_type"}},
      {R"(7)", {" invalid_type"}},
      {R"(null)", {" invalid_type"}},
      {R"({})", {"title required", "modalities required", "reward_cents required"}},
      {with(R"("colour":1)"), {"colour unknown_field"}},
      {with(R"("Title":"t")"), {"Title unknown_field"}},
      {with(R"("title":"t")"), {"title duplicate_field"}},
      {with(R"("ti\u0074le":"t")"), {"title duplicate_field"}},
      {with(R"("weight":"1")"), {"weight invalid_type"}},
      {with(R"("weight":true)"), {"weight invalid_type"}},
      {with(R"("weight":1e400)"), {"weight out_of_range"}},
      {with(R"("small":256)"), {"small out_of_range"}},
      {with(R"("small":-1)"), {"small out_of_range"}},
      {with(R"("small":1.0)"), {"small invalid_type"}},
      {with(R"("small":1e2)"), {"small invalid_type"}},
      {with(R"("small":"1")"), {"small invalid_type"}},
      {with(R"("large":9007199254740992)"), {}},
      {with(R"("large":9007199254740993)"), {"large out_of_range"}},
      {with(R"("large":-9007199254740993)"), {"large out_of_range"}},
      {with(R"("large":9223372036854775808)"), {"large out_of_range"}},
      {with(R"("large":18446744073709551616)"), {"large out_of_range"}},
      {with(R"("large":-99999999999999999999999999)"), {"large out_of_range"}},
      {with(R"("deadline":"tomorrow")"), {"deadline invalid_value"}},
      {with(R"("deadline":"2026-02-30T00:00:00Z")"), {"deadline invalid_value"}},
      {with(R"("deadline":1781792520)"), {"deadline invalid_type"}},
      {with(R"("metadata":[])"), {"metadata invalid_type"}},
      {with(R"("metadata":{"a":"0123456789012345678901234567890"})"), {}},
      {with(R"("metadata":{"a":"01234567890123456789012345678901234"})"), {"metadata too_long"}},
      {with(R"("metadata":{"a":{"x":1,"x":2}})"), {"metadata.a.x duplicate_field"}},
      {with(R"("metadata":{"a":[0,{"x":1,"x":2}]})"), {"metadata.a[1].x duplicate_field"}},
      {with(R"("metadata":{"a":["\u0000"]})"), {"metadata.a[0] invalid_value"}},
      {with(R"("contacts":[{"name":"a"},{"name":""},{}])"),
       {"contacts[1].name too_short", "contacts[2].name required"}},
      {with(R"("contacts":[{"name":"a","name":"b","x":0}])"),
       {"contacts[0].name duplicate_field", "contacts[0].x unknown_field"}},
      {with(R"("contacts":[{"name":"a"},{"name":"a"},{"name":"a"},{"name":"a"}])"), {"contacts too_long"}},
      {R"({"title":"","modalities":[],"reward_cents":0})",
       {"title too_short", "modalities too_short", "reward_cents out_of_range"}},
      {R"({"title":"ééééé街街街街🚶","modalities":["video"],"reward_cents":1000000})", {}},
      {R"({"title":"ééééé街街街街🚶!","modalities":["video"],"reward_cents":1000001})",
       {"title too_long", "reward_cents out_of_range"}},
      {R"({"title":"a\u0000b","modalities":["video","smell","video",1],"reward_cents":"5"})",
       {"title invalid_value", "modalities[1] invalid_value", "modalities[3] invalid_type",
        "reward_cents invalid_type"}},
      {R"({"title":"t","modalities":["video","audio","video"],"reward_cents":5})",
       {"modalities[2] duplicate_item"}},
  };
  for (const auto& [body, errors] : rows) {
    CAPTURE(body);
    CHECK(errors_of(body) == errors);
  }
}

TEST_CASE("what is not JSON is told apart from wrong fields") {
  using namespace std::string_literals;
  const std::vector<std::string> bodies{"",
                                        " ",
                                        "{",
                                        "}",
                                        "{}{}",
                                        "{} x",
                                        "[1,]",
                                        "{,}",
                                        "{\"a\":1,}",
                                        "{'a':1}",
                                        "{a:1}",
                                        "{\"a\" 1}",
                                        "{\"a\":01}",
                                        "{\"a\":+1}",
                                        "{\"a\":.5}",
                                        "{\"a\":1.}",
                                        "{\"a\":1e}",
                                        "{\"a\":0x1}",
                                        "{\"a\":-}",
                                        "{\"a\":NaN}",
                                        "{\"a\":Infinity}",
                                        "{\"a\":-Infinity}",
                                        "NaN",
                                        "{\"a\":nul}",
                                        "{\"a\":True}",
                                        "{\"a\":\"\n\"}",
                                        "{\"a\":\"\x01\"}",
                                        "{\"a\":\"\\x41\"}",
                                        "{\"a\":\"\\u12\"}",
                                        "{\"a\":\"b",
                                        "{\"a\":\"\\ud800\"}",
                                        "{\"a\":\"\\udc00\"}",
                                        "{\"a\":\"\\ud800\\u0041\"}",  // lone surrogates
                                        "{\"a\":\"\xFF\"}",
                                        "{\"a\":\"\xC3\"}",
                                        "{\"a\":\"\xC0\x80\"}",
                                        "{\"a\":\"\xED\xA0\x80\"}",
                                        "{\"\xF8\":1}",
                                        "\xEF\xBB\xBF{}",
                                        "{}\0"s,
                                        "{\"a\":\"\0\"}"s,
                                        "/**/{}",
                                        "{} // x",
                                        "{\"a\":1e400,}",
                                        "{\"a\":[99999999999999999999999 01]}"};
  for (const auto& body : bodies) {
    CAPTURE(body);
    CHECK(errors_of(body) == Errors{"not JSON"});
  }
}

TEST_CASE("the reason why a body is not JSON continues a sentence") {
  CHECK(decode_json<TaskRequest>("").not_json->reason == "is empty");
  CHECK(decode_json<TaskRequest>("\xFF").not_json->reason == "is not valid UTF-8");
}

TEST_CASE("depth is limited") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(errors_of(nested(32)) == Errors{" invalid_type"});
  CHECK(errors_of(nested(33)) == Errors{"not JSON"});
  CHECK(errors_of(nested(200'000)) == Errors{"not JSON"});
  CHECK(decode_json<TaskRequest>(nested(33)).not_json->reason == "is nested more than 32 levels deep");
}

TEST_CASE("the number of values is limited, by what separates them and not by what stands in texts") {
  const auto list = [](std::size_t items, std::string_view item) {
    std::string text = "[";
    for (std::size_t i = 0; i < items; ++i) text.append(i == 0 ? "" : ",").append(item);
    return text + "]";
  };
  CHECK(errors_of(list(60'000, "0")) == Errors{" invalid_type"});
  CHECK(errors_of(list(70'000, "0")) == Errors{"not JSON"});
  CHECK(errors_of(list(5'000'000, "0")) == Errors{"not JSON"});
  CHECK(errors_of(list(70'000, "[]")) == Errors{"not JSON"});
  CHECK(errors_of(list(40'000, R"({"":{}})")) == Errors{"not JSON"});
  CHECK(decode_json<TaskRequest>(list(70'000, "0")).not_json->reason == "holds more than 65536 values");
  const std::string quoted =
      '"' + std::string(200'000, ',') + "[{:" + R"(\")" + std::string(200'000, ':') + '"';
  CHECK(decode_json<std::string>(quoted));
  CHECK(decode_json<std::vector<std::int64_t>>(list(70'000, "1"), kStoredLimits));  // of what we wrote
}

TEST_CASE("a list or a text that is too long is refused before any of it is made") {
  const auto many = [](std::size_t count) {
    std::string items = R"("video")";
    for (std::size_t i = 1; i < count; ++i) items += R"(,"smell")";
    return R"({"title":"t","modalities":[)" + items + R"(],"reward_cents":5})";
  };
  CHECK(errors_of(many(4)) ==
        Errors{"modalities[1] invalid_value", "modalities[2] invalid_value", "modalities[3] invalid_value"});
  CHECK(errors_of(many(5)) == Errors{"modalities too_long"});
  CHECK(errors_of(many(10'000)) == Errors{"modalities too_long"});
  const auto titled = [](const std::string& title) {
    return decode_json<TaskRequest>(R"({"title":")" + title +
                                    R"(","modalities":["video"],"reward_cents":5})");
  };
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "\xf0\x9f\x98\x80";  // four bytes each
  CHECK(titled(ten));
  const auto long_one = titled(std::string(1'000'000, 'x'));
  REQUIRE(long_one.errors.size() == 1);
  CHECK(long_one.errors[0].code == "too_long");
  CHECK(long_one.errors[0].message == "must have at most 10 characters");
}

TEST_CASE("duplicates are found in large objects too, without quadratic work") {
  std::string object = "{";
  for (int i = 0; i < 20'000; ++i) object += "\"k" + std::to_string(i) + "\":1,";
  const auto twice = decode_json<domain::JsonObject>(object + "\"k7\":2}");
  REQUIRE(twice.errors.size() == 1);
  CHECK(twice.errors[0].path == "k7");
  CHECK(twice.errors[0].code == "duplicate_field");
  CHECK(decode_json<domain::JsonObject>(object + "\"other\":2}"));
}

TEST_CASE("the list of errors is bounded in number and size") {
  std::string body = "{\"" + std::string(99, 'x') + "\u00e9" + std::string(10'000, 'y') + "\":0";
  for (int i = 0; i < 1'000; ++i) body += ",\"k" + std::to_string(i) + "\":1";
  const auto result = decode_json<TaskRequest>(body + "}");
  REQUIRE(result.errors.size() == kMaxFieldErrors);
  CHECK(result.errors[0].path == std::string(99, 'x') + "\u2026");  // cut between characters
}

TEST_CASE("numbers that no type can hold do not hide the rest of the body") {
  CHECK(
      errors_of(R"({"title":"1e999","modalities":[],"reward_cents":1e999,"large":123456789012345678901})") ==
      Errors{"modalities too_short", "reward_cents out_of_range", "large out_of_range"});
  // In an object of the caller's own they are kept as they came.
  const auto result = decode_json<TaskRequest>(with(R"("metadata":{"n":[123456789012345678901, 1e999]})"));
  REQUIRE(result);
  CHECK(result.value->metadata->value.text == R"({"n":[123456789012345678901,1e999]})");
}

TEST_CASE("an object of the caller's own is found wherever it stands") {
  const auto result = decode_json<TaskRequest>(
      R"({"contacts":[{"name":"\"}{\\"}],"title":"{","modalities":["video"],"reward_cents":5,)"
      R"("metadata":{ "metadata" : { "}" : "\"" } } , "weight":1})");
  REQUIRE(result);
  CHECK(result.value->metadata->value.text == R"({"metadata":{"}":"\""}})");
}

TEST_CASE("documents may be read while another is being read") {
  const JsonDocument outer(R"({"a":"one","b":[1,2]})");
  {
    const JsonDocument inner(R"(["two"])");
    CHECK(inner.root()->first()->string() == "two");
  }
  CHECK(outer.root()->first()->string() == "a");
  CHECK(outer.root()->first()->next()->string() == "one");
}

}  // namespace
}  // namespace groundtruth::journal::codec
