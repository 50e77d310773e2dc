// Tables, numbers and progress as people see them.
#include "app/terminal.hpp"

#include <doctest/doctest.h>

using namespace groundtruth::app;

TEST_CASE("a table aligns its columns and ends no line with a space") {
  Table table({{"NAME"}, {"SEQ", Table::Align::right}, {"STATE"}});
  table.add({"tasks/3", "12", "ok"});
  table.add({"x", "1,234", ""});
  CHECK(table.render() ==
        "NAME       SEQ  STATE\n"
        "tasks/3     12  ok\n"
        "x        1,234\n");
}

TEST_CASE("wide characters take two columns, accents none of their own bytes") {
  Table table({{"NAME"}, {"N"}});
  table.add({"é", "1"});
  table.add({"日本", "2"});
  table.add({"abcd", "3"});
  CHECK(table.render() ==
        "NAME  N\n"
        "é     1\n"
        "日本  2\n"
        "abcd  3\n");
}

TEST_CASE("a table refuses a row that does not fit it") {
  Table table({{"A"}, {"B"}});
  CHECK_THROWS(table.add({"one"}));
}

TEST_CASE("text from outside cannot steer the terminal") {
  CHECK(printable("a\x1b[2Jb\r\n") == "a?[2Jb??");
  CHECK(printable("a\xc2\x9b"
                  "2J") == "a?2J");
  CHECK(printable("Zürich 日本") == "Zürich 日本");
}

TEST_CASE("numbers are grouped, bytes have units") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(1'234'567) == "1,234,567");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1'023) == "1023 B");
  CHECK(human_bytes(1'536) == "1.5 KiB");
  CHECK(human_bytes(5ULL << 30) == "5.0 GiB");
}

TEST_CASE("progress shows a bar where the end is known, and never wraps") {
  const auto line = render_progress("verifying", 50, 100, "reading", 200);
  CHECK(line.find("50%  50 of 100  reading") != std::string::npos);
  CHECK(render_progress("verifying", 1'234, 0, "records", 200) == "verifying 1,234  records");
  CHECK(render_progress("verifying", 200, 100, "", 200).find("100%") != std::string::npos);
  CHECK(render_progress("0123456789", 5, 0, "", 8) == "0123456");
}
