// Lines that take turns: nobody waits behind all that another has put in, and all of it is bounded.
#include "api/http/fair_queue.hpp"

#include <doctest/doctest.h>

#include <string>

namespace groundtruth::http {
namespace {

using Queue = FairQueue<std::string>;

std::string drained(Queue& queue) {
  std::string all;
  while (auto item = queue.pop()) all += *item + ' ';
  return all;
}

TEST_CASE("one who asks once waits for one job of each other, not for all of them") {
  Queue queue(1'000, 1'000);
  for (int i = 0; i < 500; ++i) CHECK(queue.push("mallory", "m" + std::to_string(i)).is_taken);
  CHECK(queue.push("alice", "a0").is_taken);
  CHECK(queue.push("alice", "a1").is_taken);
  CHECK(*queue.pop() == "m0");
  CHECK(*queue.pop() == "a0");
  CHECK(*queue.pop() == "m1");
  CHECK(*queue.pop() == "a1");
  CHECK(*queue.pop() == "m2");
  CHECK(*queue.pop() == "m3");
}

TEST_CASE("each subject keeps its own order, and those without a name share a line") {
  Queue queue(100, 100);
  for (const char* item : {"1", "2", "3"}) CHECK(queue.push("", item).is_taken);
  for (const char* item : {"a", "b"}) CHECK(queue.push("x", item).is_taken);
  CHECK(drained(queue) == "1 a 2 b 3 ");
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop());
}

TEST_CASE("a subject has no more than its share, however much room there is") {
  Queue queue(100, 2);
  CHECK(queue.push("x", "1").is_taken);
  CHECK(queue.push("x", "2").is_taken);
  const auto third = queue.push("x", "3");
  CHECK_FALSE(third.is_taken);
  CHECK(third.gone == "3");
  CHECK(queue.push("y", "4").is_taken);
  for (int i = 0; i < 5; ++i) CHECK(queue.push("", "5").is_taken);
}

TEST_CASE("full, the longest line makes room for a shorter one, and never the other way round") {
  Queue queue(4, 4);
  for (const char* item : {"m1", "m2", "m3"}) CHECK(queue.push("mallory", item).is_taken);
  CHECK(queue.push("bob", "b1").is_taken);
  const auto alice = queue.push("alice", "a1");
  CHECK(alice.is_taken);
  CHECK(alice.gone == "m3");
  CHECK(queue.size() == 4);
  const auto more = queue.push("mallory", "m4");
  CHECK_FALSE(more.is_taken);
  CHECK(more.gone == "m4");
  const auto second = queue.push("alice", "a2");  // would be as long as the longest: nothing is gained
  CHECK_FALSE(second.is_taken);
  CHECK(queue.push("carol", "c1").gone == "m2");
  const auto late = queue.push("dave", "d1");  // all have one
  CHECK_FALSE(late.is_taken);
  CHECK(drained(queue) == "m1 b1 a1 c1 ");
}

}  // namespace
}  // namespace groundtruth::http
