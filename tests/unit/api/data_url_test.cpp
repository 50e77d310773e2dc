// data: URLs as browsers and recorders write them, and what is none.
#include "api/common/data_url.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using groundtruth::api::parse_data_url;

TEST_CASE("a data URL is its type without parameters, and its bytes") {
  struct Row {
    std::string_view url, type, content;
  };
  for (const Row& row : std::vector<Row>{
           {"data:image/png;base64,aGVsbG8=", "image/png", "hello"},
           {"data:video/webm;codecs=vp8,opus;base64,aGVsbG8=", "video/webm", "hello"},
           {"data:video/webm; codecs=vp8, opus; base64,aGVsbG8=", "video/webm", "hello"},
           {"data:video/webm;codecs=\"vp8,opus\";base64,aGVsbG8=", "video/webm", "hello"},
           {"data:video/webm;codecs=%22vp8,opus%22;base64,aGVsbG8=", "video/webm", "hello"},
           {"data:video/mp4;codecs=\"avc1.42E01E, mp4a.40.2\";base64,aGVsbG8=", "video/mp4", "hello"},
           {"data:video/x-matroska;codecs=avc1,opus;base64,aGVsbG8=", "video/x-matroska", "hello"},
           {"data:audio/ogg;x=\"a;base64,b\\\"c\";base64,aGVsbG8=", "audio/ogg", "hello"},
           {"DATA:IMAGE/PNG;BASE64,aGVsbG8=", "image/png", "hello"},
           {"  data:image/png;base64,aGVsbG8=\n", "image/png", "hello"},
           {"data: image/png ; base64 ,aGVsbG8=", "image/png", "hello"},
           {"data:text/plain;charset=utf-8;base64,aGVsbG8=", "text/plain", "hello"},
           {"data:image/svg+xml;base64,aGVsbG8=", "image/svg+xml", "hello"},
           {"data:image/png;base64,aGVsbG8", "image/png", "hello"},
           {"data:image/png;base64,aGVs\r\n bG8=", "image/png", "hello"},
           {"data:image/png;base64,aGVsbG8%3D", "image/png", "hello"},
           {"data:image/png;name=a.png;base64,aGVsbG8=", "image/png", "hello"},
           {"data:image/png;;base64,aGVsbG8=", "image/png", "hello"},
           {"data:text/plain,hello%20there", "text/plain", "hello there"},
           {"data:text/plain;charset=utf-8,a,b;base64,c", "text/plain", "a,b;base64,c"},
           {"data:text/plain,100% sure #fragment", "text/plain", "100% sure "},
           {"data:text/plain;base64;x=y,hello", "text/plain", "hello"},
       }) {
    CAPTURE(row.url);
    const auto url = parse_data_url(row.url);
    REQUIRE(url);
    CHECK(url->content_type == row.type);
    CHECK(url->content == row.content);
  }
}

TEST_CASE("what is no data URL") {
  for (const std::string_view url :
       {"", "data:", "data:,x", "data:;base64,aGVsbG8=", "https://example.test/x.png",
        "image/png;base64,aGVsbG8=", "data:image/png;base64", "data:image/png;base64,", "data:image/png,",
        "data:image/png;base64,@@@", "data:image/png;base64,a", "data:image/png;base64,aGVsb",
        "data:png;base64,aGVsbG8=", "data:/png;base64,aGVsbG8=", "data:image/;base64,aGVsbG8=",
        "data:image/p ng;base64,aGVsbG8=", "data:video/webm;codecs=\"vp8;base64,aGVsbG8=", "data:text/plain",
        "data:image/png;base64,aGVs=bG8="})
    CHECK_MESSAGE(!parse_data_url(url), url);
  const std::string endless = "data:image/png;x=" + std::string(10'000, 'y') + ";base64,aGVsbG8=";
  CHECK_FALSE(parse_data_url(endless));
}
