// Configuration: defaults, layers, and errors that name the wrong key by its path.
#include "app/config.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "app/exit_code.hpp"
#include "journal/codec/describe.hpp"
#include "journal/codec/json_view.hpp"

using namespace groundtruth;
using namespace groundtruth::app;

namespace {

std::string problem_of(const std::string& text) {
  try {
    resolve_settings(text, "test.json", {});
  } catch (const CommandError& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
  return {};
}

bool names(const std::string& problem, std::string_view what) {
  return problem.find(what) != std::string::npos;
}

// Paths of all keys that the described structs know.
template <class T>
struct Inner {
  using type = T;
};
template <class T>
struct Inner<std::optional<T>> {
  using type = T;
};
template <class T>
void collect_known(const std::string& prefix, std::set<std::string>& out) {
  boost::mp11::mp_for_each<journal::codec::detail::Members<T>>([&](auto descriptor) {
    using Plain = std::remove_cvref_t<decltype(std::declval<T&>().*decltype(descriptor)::pointer)>;
    using Value = typename Inner<Plain>::type;
    const std::string path = prefix + descriptor.name;
    if constexpr (journal::codec::detail::DescribedStruct<Value>)
      collect_known<Value>(path + ".", out);
    else
      out.insert(path);
  });
}

// Paths of all keys that the JSON Schema documents.
void collect_documented(const journal::codec::JsonNode* schema, const std::string& prefix,
                        std::set<std::string>& out) {
  const auto member = [](const journal::codec::JsonNode* object, std::string_view name) {
    for (auto key = object->first(), end = object->next(); key != end; key = key->next()->next())
      if (key->string() == name) return key->next();
    return static_cast<const journal::codec::JsonNode*>(nullptr);
  };
  const auto* properties = member(schema, "properties");
  for (auto key = properties->first(), end = properties->next(); key != end; key = key->next()->next()) {
    const std::string path = prefix + std::string(key->string());
    REQUIRE_MESSAGE(member(key->next(), "description") != nullptr, path);
    if (member(key->next(), "properties") != nullptr)
      collect_documented(key->next(), path + ".", out);
    else
      out.insert(path);
  }
}

}  // namespace

TEST_CASE("without a file and options the defaults hold") {
  const auto settings = resolve_settings(std::nullopt, "", {});
  CHECK(settings.listen == Address{"127.0.0.1", 8080});
  CHECK(settings.ops == Address{"127.0.0.1", 8081});
  CHECK_FALSE(settings.dev);
  CHECK(settings.enforce_rate_limits);
  CHECK(settings.groundtruth_limits.key_per_minute == 600);
  CHECK_FALSE(settings.access_log.has_value());
}

TEST_CASE("an account's own limits lie over those of all") {
  const std::string id = "org_" + std::string(26, '0');
  const auto limits =
      resolve_settings(R"({"rate_limits":{"groundtruth":{"account_per_minute":70,"accounts":{")" + id +
                           R"(":{"key_per_minute":9}}}}})",
                       "test.json", {})
          .groundtruth_limits;
  REQUIRE(limits.accounts.contains(id));
  CHECK(limits.accounts.at(id).key_per_minute == 9);
  CHECK(limits.accounts.at(id).account_per_minute == 70);
}

TEST_CASE("the file is laid over the defaults") {
  const auto settings = resolve_settings(
      R"({"listen":"[::1]:1","io_threads":4,"rate_limits":{"groundtruth":{"key_per_minute":7}},
          "http":{"header_timeout_ms":1500,"max_connections":5},"cors_origins":["https://a.example"],
          "log":{"level":"warning","access_file":"-"},"journal":{"max_waiting":9,"tail_bytes":2048},
          "public_url":"https://api.example/"})",
      "test.json", {});
  CHECK(settings.listen == Address{"::1", 1});
  CHECK(settings.http.address == "::1");
  CHECK(settings.http.io_threads == 4);
  CHECK(settings.groundtruth_limits.key_per_minute == 7);
  CHECK(settings.groundtruth_limits.account_per_minute == 6'000);
  CHECK(settings.http.header_timeout == std::chrono::milliseconds(1'500));
  CHECK(settings.http.max_connections == 5);
  CHECK(settings.http.cors_origins == std::vector<std::string>{"https://a.example"});
  CHECK(settings.log.level == "warning");
  CHECK(settings.access_log == "-");
  CHECK(settings.node.writer.max_waiting == 9);
  CHECK(settings.journal.tail_bytes == 2'048);
  CHECK(settings.public_url == "https://api.example");
}

TEST_CASE("a journal on Kafka has statistics, unless they are turned off") {
  const auto interval_of = [](const std::string& more) {
    return resolve_settings(R"({"journal":{"kind":"kafka","brokers":"a:1")" + more + "}}", "test.json", {})
        .kafka->stats_interval;
  };
  CHECK(interval_of("") == std::chrono::seconds(5));
  CHECK(interval_of(R"(,"stats_interval_ms":250)") == std::chrono::milliseconds(250));
  CHECK(interval_of(R"(,"stats_interval_ms":0)") == std::chrono::milliseconds(0));
  CHECK(names(problem_of(R"({"journal":{"stats_interval_ms":-1}})"), "journal.stats_interval_ms"));
}

TEST_CASE("the command line wins over the file") {
  CommandLine line;
  line.listen = "127.0.0.1:9";
  line.data = "/elsewhere";
  line.dev = true;
  line.no_rate_limits = true;
  const auto settings = resolve_settings(R"({"listen":"127.0.0.1:1","data":"/here"})", "test.json", line);
  CHECK(settings.listen.port == 9);
  CHECK(settings.data == "/elsewhere");
  CHECK(settings.dev);
  CHECK_FALSE(settings.enforce_rate_limits);
}

TEST_CASE("a process answers the API and works, unless its roles are named") {
  CHECK(resolve_settings(std::nullopt, "", {}).roles == Roles{true, true, false});
  CHECK(resolve_settings(R"({"roles":["workers"]})", "test.json", {}).roles == Roles{false, true, false});
  CHECK_FALSE(resolve_settings(R"({"roles":["workers"]})", "test.json", {}).roles.is_public());
  CommandLine line;
  line.roles = {"reads", "workers"};
  CHECK(resolve_settings(R"({"roles":["api"]})", "test.json", line).roles == Roles{false, true, true});
  CHECK(names(problem_of(R"({"roles":[]})"), "roles is empty"));
  CHECK(names(problem_of(R"({"roles":["api","writers"]})"), "'writers'"));
  CHECK(names(problem_of(R"({"roles":["api","reads"]})"), "api and reads"));
  line.roles = {"api", "reads"};
  CHECK_THROWS_WITH_AS(resolve_settings(std::nullopt, "", line), doctest::Contains("--roles"), CommandError);
}

TEST_CASE("every wrong key is named by its path, all at once") {
  const auto problem = problem_of(
      R"({"lissten":"x","http":{"header_timeout_ms":0,"idle":1},"rate_limits":{"groundtruth":{"key_per_minute":"many"}}})");
  CHECK(names(problem, "test.json"));
  CHECK(names(problem, "lissten is not a known field"));
  CHECK(names(problem, "http.header_timeout_ms"));
  CHECK(names(problem, "http.idle is not a known field"));
  CHECK(names(problem, "rate_limits.groundtruth.key_per_minute"));
}

TEST_CASE("values that only the server can judge are named too") {
  CHECK(names(problem_of(R"({"listen":"example.com:80"})"), "listen"));
  CHECK(names(problem_of(R"({"public_url":"ftp://x"})"), "public_url"));
  CHECK(names(problem_of(R"({"payments":{"provider":"stripe"}})"), "payments.provider"));
  CHECK(names(problem_of(R"({"log":{"level":"loud"}})"), "log.level"));
  CHECK(names(problem_of(R"({"hosts":{"nowhere":["x"]}})"), "hosts.nowhere"));
  CHECK(names(problem_of(R"({"http":{"client_address_header":"X Real IP"}})"), "http.client_address_header"));
  CHECK(names(problem_of(R"({"http":{"trusted_proxies":["proxy.test"]}})"), "http.trusted_proxies"));
  CHECK(names(problem_of(R"({"rate_limits":{"groundtruth":{"accounts":{"Acme":{}}}}})"), "'Acme'"));
}

TEST_CASE("a file that is no JSON says so") {
  CHECK(names(problem_of("listen: 8080"), "test.json"));
  CHECK(names(problem_of(""), "test.json"));
  CHECK(names(problem_of("[]"), "test.json"));
}

TEST_CASE("a wrong address on the command line names its option") {
  CommandLine line;
  line.ops = "nowhere";
  CHECK_THROWS_WITH_AS(resolve_settings(std::nullopt, "", line), doctest::Contains("--ops"), CommandError);
}

TEST_CASE("the JSON Schema documents exactly the keys that there are") {
  std::ifstream in(std::string(GT_SOURCE_DIR) + "/schemas/config/config.json");
  std::ostringstream text;
  text << in.rdbuf();
  const journal::codec::JsonDocument document(text.str());
  REQUIRE_FALSE(document.error().has_value());
  std::set<std::string> documented, known;
  collect_documented(document.root(), "", documented);
  collect_known<file::Config>("", known);
  CHECK(documented == known);
}
