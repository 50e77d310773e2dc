// W3C Trace Context: which `traceparent` is taken, and what is made of it.
#include "api/http/trace_context.hpp"

#include <doctest/doctest.h>

#include <string>

namespace groundtruth::http {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736", kParent = "00f067aa0ba902b7";
const std::string kGood = "00-" + kTrace + "-" + kParent + "-01";

}  // namespace

TEST_CASE("a well-formed traceparent is taken as it is") {
  CHECK(read_traceparent(kGood) == kGood);
  CHECK(read_traceparent("00-" + kTrace + "-" + kParent + "-ff") == "00-" + kTrace + "-" + kParent + "-ff");
}

TEST_CASE("of a later version the parts that version 00 knows are taken") {
  CHECK(read_traceparent("cc-" + kTrace + "-" + kParent + "-01") == kGood);
  CHECK(read_traceparent("cc-" + kTrace + "-" + kParent + "-01-what-the-future-brings") == kGood);
  CHECK(read_traceparent("cc-" + kTrace + "-" + kParent + "-01.what").empty());
}

TEST_CASE("what is not well-formed is not taken") {
  for (const auto& field : {
           std::string(),
           std::string("00"),
           kGood.substr(0, 54),
           kGood + "0",
           kGood + "-more",                                           // not in version 00
           "ff" + kGood.substr(2),                                    // never a version
           "00-" + std::string(32, '0') + "-" + kParent + "-01",      // no trace
           "00-" + kTrace + "-" + std::string(16, '0') + "-01",       // no parent
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kParent + "-01",  // upper case
           "00_" + kGood.substr(3),
           "0g" + kGood.substr(2),
           kGood.substr(0, 53) + "0x",
           "00-" + kTrace + kParent + "--01",
       })
    CHECK_MESSAGE(read_traceparent(field).empty(), field);
}

}  // namespace groundtruth::http
