// Text of people: what is the same name, tag, password or mail address.
#include "api/common/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace groundtruth::api;

namespace {

// é, ö and ё, each as one code point and as a letter with a mark.
constexpr const char* kComposed = "\u00e9\u00f6\u0451";
constexpr const char* kDecomposed = "e\u0301o\u0308\u0435\u0308";

}  // namespace

TEST_CASE("a letter with its mark is one however it was typed") {
  CHECK(to_nfc(kDecomposed) == kComposed);
  CHECK(to_nfc(kComposed) == kComposed);
  CHECK(to_nfd(kComposed) == kDecomposed);
  CHECK(to_nfc("\u212b") == "\u00c5");  // the sign of the unit is the letter
  CHECK(to_nfc("\uac00") == "\uac00");
  CHECK(to_nfc("\u1100\u1161") == "\uac00");  // Hangul, by its letters
  CHECK(to_nfc("plain") == "plain");
  CHECK(to_nfc("") == "");
  CHECK(to_nfc("\xff is no text") == "\xff is no text");
}

TEST_CASE("tags have no case in any script") {
  CHECK(to_tag("French") == "french");
  CHECK(to_tag("FRAN\u00c7AIS") == to_tag("franc\u0327ais"));
  CHECK(to_tag("\u0420\u0423\u0421\u0421\u041a\u0418\u0419") == "\u0440\u0443\u0441\u0441\u043a\u0438\u0439");
  CHECK(to_tag("STRASSE") == to_tag("Stra\u00dfe"));
  CHECK(to_tag("\u03a3\u03c2") == to_tag("\u03c3\u03a3"));  // both small sigmas
  for (const char* text : {"\u1e9e", "\u0130stanbul", "\u0390", "\u1f80", "e\u0301COLE"})
    CHECK_MESSAGE(to_tag(to_tag(text)) == to_tag(text), text);
}

TEST_CASE("a password is the same one by any keyboard, and keeps its case and width") {
  CHECK(to_opaque(std::string("caf\u00e9 ") + kDecomposed) == std::string("caf\u00e9 ") + kComposed);
  CHECK(to_opaque("a\u00a0b\u3000c\u2003d") == "a b c d");
  CHECK(to_opaque("Stra\u00dfe") != to_opaque("stra\u00dfe"));
  CHECK(to_opaque("\uff21") == "\uff21");
  CHECK(to_opaque(" two  spaces ") == " two  spaces ");
  for (const char* good : {"correct horse", "\u2764\ufe0f\U0001f469\u200d\U0001f680", kComposed})
    CHECK_MESSAGE(is_password_text(good), good);
  for (const char* bad : {"a\tb", "a\u0085b", "\ue000", "\ufdd0", "\u0378", "\xff"})
    CHECK_MESSAGE(!is_password_text(bad), bad);
}

TEST_CASE("a name is one line") {
  CHECK(is_line("Ada \u00c5ngstr\u00f6m"));
  for (const char* bad : {"a\nb", "a\u0085b", "a\u2028b", "a\u2029b", "a\x7f"})
    CHECK_MESSAGE(!is_line(bad), bad);
}

TEST_CASE("one mail address has one form") {
  const auto form = [](std::string_view text) { return canonical_email(text).value_or("none"); };
  CHECK(form(" Someone@EXAMPLE.com\n") == "someone@example.com");
  CHECK(form("a@x.example.") == "a@x.example");
  for (const char* same : {"ada@b\u00fccher.example", "ada@bu\u0308cher.example", "ada@B\u00dcCHER.Example",
                           "Ada@xn--bcher-kva.example", "ada@XN--BCHER-KVA.example.",
                           "ada@b\u00fccher\u3002example", "ada@b\u00fccher.example."})
    CHECK_MESSAGE(form(same) == "ada@xn--bcher-kva.example", same);
  CHECK(form("a@fa\u00df.example") == "a@xn--fa-hia.example");
  CHECK(form("Ren\u00e9@x.example") == form("rene\u0301@X.example"));
  CHECK(form("a@-x-.example") == "a@-x-.example");  // such hosts exist
  CHECK(form("a@ab--cd.example") == "a@ab--cd.example");
  CHECK(form("a@b") == "a@b");
  for (const char* bad : {"",
                          "@",
                          "a@",
                          "@b",
                          "ab",
                          "a@b@c",
                          "a b@c",
                          "<a>@b",
                          "a,b@c",
                          "(a)@b",
                          "a@b_c",
                          "a@b*",
                          "a@.",
                          "a@b..",
                          "a@.b",
                          "a@b..c",
                          "a@xn--a.example",
                          "a@xn--.example",
                          "a@\u2028.example",
                          "a\u0085b@x.example",
                          "a@b\u00fc cher.example",
                          "a\uff20b",
                          "a@\u00ad"})
    CHECK_MESSAGE(form(bad) == "none", bad);
  CHECK(form(std::string(250, 'a') + "@b.cd") == "none");
  std::string long_label = "a@";
  for (int i = 0; i < 64; ++i) long_label += "\u00fc";
  CHECK(form(long_label) == "none");
}

TEST_CASE("the form of a form is itself, and its older spellings have the same form") {
  for (const char* text : {"ada@b\u00fccher.example", "Ren\u00e9@x.example", "a@b", "A@fa\u00df.example."}) {
    const auto canonical = *canonical_email(text);
    CHECK(canonical_email(canonical) == canonical);
    const auto spellings = older_spellings(canonical);
    CHECK(spellings.size() >= 1);
    CHECK(spellings.size() <= 11);
    CHECK(std::find(spellings.begin(), spellings.end(), canonical) == spellings.end());
    for (const auto& spelling : spellings) CHECK_MESSAGE(canonical_email(spelling) == canonical, spelling);
  }
}
