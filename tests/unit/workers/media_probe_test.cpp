// What stored bytes really are: real media (media/README.md), and what only looks like it.
#include "workers/adapters/media_probe.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "tests/unit/files.hpp"
#include "tests/unit/workers/memory_blob_store.hpp"
#include "workers/adapters/blob_reader.hpp"

using namespace groundtruth;
using adapters::LibMediaProbe;
using adapters::MediaProbeOptions;
using workers::testing::MemoryBlobStore;
using namespace std::string_literals;

namespace {

constexpr std::string_view kKey = "proofs/1";

std::string fixture(const std::string& name) {
  const auto file = std::filesystem::path(GT_SOURCE_DIR) / "tests/unit/workers/media" / name;
  REQUIRE_MESSAGE(std::filesystem::exists(file), name);
  return groundtruth::testing::read_file(file);
}

std::optional<ports::MediaFacts> probe(const std::string& content, MediaProbeOptions options = {}) {
  MemoryBlobStore store;
  store.put({std::string(kKey), "", 0, ""}, content);
  return LibMediaProbe(options).probe(store, kKey);
}

std::string type_of(const std::string& content) {
  const auto facts = probe(content);
  return facts ? facts->content_type : "none";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("media is what its bytes say, and as long") {
  struct Row {
    std::string file, type;
    std::int64_t least_ms, most_ms;
  };
  for (const Row& row : std::vector<Row>{
           {"video.mp4", "video/mp4", 1'000, 1'000},
           {"faststart.mp4", "video/mp4", 1'000, 1'000},
           {"fragmented.mp4", "video/mp4", 1'000, 1'250},
           {"audio_only.mp4", "audio/mp4", 1'000, 1'100},
           {"audio.m4a", "audio/mp4", 1'000, 1'100},
           {"video.mov", "video/quicktime", 1'000, 1'000},
           {"video.webm", "video/webm", 1'000, 1'050},
           {"recorder.webm", "video/webm", 990, 1'100},
           {"audio.webm", "audio/webm", 1'000, 1'050},
           {"video.mkv", "video/x-matroska", 1'000, 1'100},
           {"audio.mp3", "audio/mpeg", 1'000, 1'100},
           {"bare.mp3", "audio/mpeg", 1'000, 1'100},
           {"audio.ogg", "audio/ogg", 1'000, 1'050},
           {"audio.wav", "audio/wav", 1'000, 1'000},
           {"audio.flac", "audio/flac", 1'000, 1'000},
           {"audio.aac", "audio/aac", 1'000, 1'100},
           {"video.ogg", "video/ogg", 1'000, 1'100},
       }) {
    CAPTURE(row.file);
    const auto facts = probe(fixture(row.file));
    REQUIRE(facts);
    CHECK(facts->content_type == row.type);
    REQUIRE(facts->duration_ms);
    CHECK(*facts->duration_ms >= row.least_ms);
    CHECK(*facts->duration_ms <= row.most_ms);
  }
}

TEST_CASE("images and texts have no duration") {
  for (const auto& [file, type] : {std::pair{"image.jpg"s, "image/jpeg"s},
                                   {"image.png", "image/png"},
                                   {"image.webp", "image/webp"},
                                   {"image.heic", "image/heic"},
                                   {"image.avif", "image/avif"},
                                   {"image.gif", "image/gif"},
                                   {"README.md", "text/plain"}}) {
    CAPTURE(file);
    const auto facts = probe(fixture(file));
    REQUIRE(facts);
    CHECK(facts->content_type == type);
    CHECK_FALSE(facts->duration_ms);
  }
  CHECK(type_of(replaced(fixture("image.heic"), "ftypheic", "ftypmif1")) == "image/heif");
}

TEST_CASE("kinds that are not asked for are none, although they are media") {
  CHECK(type_of(replaced(fixture("image.heic"), "ftypheic", "ftypcrx ")) == "none");
  CHECK(type_of("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n") == "none");
  CHECK(type_of("PK\3\4\x14\0\0\0\0\0"s + std::string(64, '\0')) == "none");
  CHECK(type_of("\x7f"
                "ELF\2\1\1"s +
                std::string(64, '\0')) == "none");
  CHECK(type_of("BM"s + std::string(64, '\0')) == "none");
  CHECK(type_of("<svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>") == "text/plain");
}

TEST_CASE("an MP4 may have any maker's brand") {
  const std::string film = fixture("video.mp4");
  for (const char* brand : {"XAVC", "MSNV", "mp42", "dash", "NDSC", "zzzz"})
    CHECK_MESSAGE(type_of(replaced(film, "ftypisom", std::string("ftyp") + brand)) == "video/mp4", brand);
  CHECK(type_of(replaced(film, "ftypisom", "ftyp3gp4")) == "video/3gpp");
  CHECK(type_of(replaced(film, "ftypisom", "ftyp3g2a")) == "video/3gpp2");
  CHECK(type_of(replaced(film, "ftypisom", "ftypqt  ")) == "video/quicktime");
  CHECK_MESSAGE(type_of(replaced(film, "ftypisom", "wideisom")) == "video/quicktime", "from before brands");
}

TEST_CASE("words that a binary file could begin with are text all the same") {
  for (const char* text : {"GIF89a is a kind of picture.", "Are free places left?", "ID3 is a kind of tag.",
                           "OggS", "RIFF, said she, AVI and WAVE", "II* and MM*"})
    CHECK_MESSAGE(type_of(text) == "text/plain", text);
}

TEST_CASE("a text is UTF-8 from its first byte to its last") {
  for (const std::string& text :
       {"The street was busy."s, "\xe9\xa6\xac\xe8\xb7\xaf\xe5\xbe\x88\xe5\xbf\x99\n"s,
        "\xef\xbb\xbfwith a byte order mark\r\n"s, "{\"answer\":42}"s, "a,b\n1,2\n"s,
        "#include, said the teacher"s, "From: me@b.example\nSubject: a mail\n\nHello\n"s,
        "I said <b>no</b>.\n"s, std::string(8'191, 'x') + "\xe9\xa6\xac and on"})
    CHECK_MESSAGE(type_of(text) == "text/plain", text.substr(0, 40));
  for (const std::string& no_text :
       {"caf\xe9 in Latin-1"s, "nothing \0 at all"s, "a bell \a rings"s, "half a character \xe9\xa6"s,
        "a surrogate \xed\xa0\x80"s, "overlong \xc0\xaf"s, std::string(100'000, 'x') + "\xff",
        std::string(100'000, 'x') + '\0', "\xff\xfeh\0i\0"s, std::string((1 << 20) + 1, 'x')})
    CHECK_MESSAGE(type_of(no_text) == "none", no_text.substr(0, 40));
  CHECK(type_of(std::string(1 << 20, 'x')) == "text/plain");
}

TEST_CASE("nothing and rubbish are no media") {
  CHECK(type_of("") == "none");
  CHECK(type_of("\xff") == "none");
  for (const char* one : {"x", "\n"}) CHECK(type_of(one) == "text/plain");
  std::mt19937 random(7);
  for (std::size_t size : {10U, 1'000U, 300'000U}) {
    std::string noise(size, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    noise[0] = '\x81';  // no kind's first byte
    CHECK(type_of(noise) == "none");
    CHECK(type_of(std::string(size, '\0')) == "none");
  }
}

TEST_CASE("a container that is cut or rotten is none") {
  for (const char* file : {"video.mp4", "video.mov", "audio.m4a", "faststart.mp4"}) {
    CAPTURE(file);
    const std::string whole = fixture(file);
    for (std::size_t size : {40UL, whole.size() / 4, whole.size() / 2, whole.size() * 3 / 4})
      CHECK(type_of(whole.substr(0, size)) == "none");
  }
  for (const char* file : {"video.webm", "recorder.webm", "video.mkv", "audio.ogg", "audio.flac"}) {
    CAPTURE(file);
    CHECK(type_of(fixture(file).substr(0, 60)) == "none");
  }
  for (const char* file : {"image.jpg", "image.png", "image.webp", "image.gif", "image.heic", "image.avif"}) {
    CAPTURE(file);
    const std::string whole = fixture(file);
    for (std::size_t size : {40UL, whole.size() / 2, whole.size() * 3 / 4, whole.size() - 3})
      CHECK(type_of(whole.substr(0, size)) == "none");
    for (const char* behind : {"\n", "PK\3\4", "<html></html>"})
      CHECK(type_of(whole + std::string(64, '\0') + behind) != "none");
  }
  for (const char* file : {"video.mp4", "video.webm", "audio.ogg", "audio.mp3", "audio.flac", "audio.aac"}) {
    CAPTURE(file);
    std::string rotten = fixture(file);
    std::mt19937 random(11);
    for (std::size_t i = 40; i < rotten.size(); ++i) rotten[i] = static_cast<char>(random());
    const auto facts = probe(rotten);
    if (facts) CHECK_FALSE(facts->duration_ms.value_or(0) > 3'600'000);
  }
}

TEST_CASE("no change of a byte does harm") {
  // Each byte of the headers in turn: what is said of such a file matters less than that it ends.
  LibMediaProbe probe;
  for (const char* file : {"faststart.mp4", "fragmented.mp4", "recorder.webm", "audio.ogg", "audio.mp3",
                           "audio.flac", "audio.wav", "audio.aac"}) {
    const std::string whole = fixture(file);
    for (std::size_t i = 0; i < std::min<std::size_t>(whole.size(), 1'500); i += 7)
      for (const char value : {'\xff', '\x7f', '\0'}) {
        std::string changed = whole;
        changed[i] = value;
        MemoryBlobStore store;
        store.put({std::string(kKey), "", 0, ""}, changed);
        CHECK_NOTHROW(probe.probe(store, kKey));
      }
  }
}

TEST_CASE("what is two things at once is what its first bytes say, and nothing more") {
  const std::string page = "<html><script>alert(1)</script></html>";
  CHECK(type_of(fixture("image.gif") + page) == "image/gif");
  CHECK(type_of(fixture("image.jpg") + "PK\3\4" + page) == "image/jpeg");
  CHECK(type_of(page + fixture("video.mp4")) == "none");
  CHECK(type_of(page + fixture("image.png")) == "none");
  // A film's first box, and then a page.
  CHECK(type_of(fixture("faststart.mp4").substr(0, 32) + page) == "none");
  // WebM's first element with another kind of document in it.
  CHECK(type_of(replaced(fixture("video.webm"), "webm", "evil")) == "none");
}

TEST_CASE("a recording without a duration is measured by its last packets, however long it is") {
  // Frames that a player skips between the head and the tail: far more than may be fetched.
  const std::string recording = fixture("recorder.webm");
  const auto first_cluster = recording.find("\x1F\x43\xB6\x75");
  const auto last_cluster = recording.rfind("\x1F\x43\xB6\x75");
  REQUIRE(first_cluster < last_cluster);
  const std::string middle(12 << 20, '\x11');
  const std::string longer = recording.substr(0, last_cluster) + middle + recording.substr(last_cluster);
  MemoryBlobStore store;
  store.put({std::string(kKey), "", 0, ""}, longer);
  const auto facts = LibMediaProbe().probe(store, kKey);
  REQUIRE(facts);
  CHECK(facts->content_type == "video/webm");
  REQUIRE(facts->duration_ms);
  CHECK(*facts->duration_ms >= 990);
  CHECK(*facts->duration_ms <= 1'100);
  CHECK(store.read_bytes < (4 << 20));
}

TEST_CASE("what would take too much reading has no duration") {
  const std::string frames = fixture("bare.mp3");
  std::string longer;
  while (longer.size() < (1 << 20)) longer += frames;
  const auto measured = probe(longer);
  REQUIRE(measured);
  CHECK(measured->duration_ms.value_or(0) > 400'000);
  MediaProbeOptions little;
  little.max_fetched_bytes = 512 * 1024;
  const auto unmeasured = probe(longer, little);
  REQUIRE(unmeasured);
  CHECK(unmeasured->content_type == "audio/mpeg");
  CHECK_FALSE(unmeasured->duration_ms);
}

TEST_CASE("a store that breaks is no broken film") {
  MemoryBlobStore store;
  LibMediaProbe probe;
  CHECK_THROWS_AS(probe.probe(store, kKey), ports::BlobStoreError);
  const std::string frames = fixture("bare.mp3");
  std::string longer;
  while (longer.size() < (1 << 20)) longer += frames;
  store.put({std::string(kKey), "", 0, ""}, longer);
  for (std::uint64_t reads : {0U, 1U, 2U, 5U}) {
    store.reads_until_broken = reads;
    CHECK_THROWS_AS(probe.probe(store, kKey), ports::BlobStoreError);
  }
  store.reads_until_broken = 100;
  CHECK(probe.probe(store, kKey));
}

TEST_CASE("several threads share a probe") {
  LibMediaProbe probe;
  MemoryBlobStore stores[2];
  const char* files[] = {"video.mp4", "recorder.webm"};
  std::vector<std::thread> threads;
  std::atomic<int> known{0};
  for (int i = 0; i < 2; ++i) {
    stores[i].put({std::string(kKey), "", 0, ""}, fixture(files[i]));
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) known += probe.probe(stores[i], kKey).has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(known == 40);
}

TEST_CASE("bytes are found wherever they stand, across pieces too") {
  constexpr std::uint64_t piece = 128 * 1024;
  MemoryBlobStore store;
  std::string content(3 * piece, 'x');
  content.replace(piece - 2, 4, "abcd");
  store.put({std::string(kKey), "", 0, ""}, content);
  adapters::BlobReader reader(store, std::string(kKey), content.size(), 100 * content.size());
  CHECK(reader.find("abcd", 0, content.size()) == piece - 2);
  CHECK(reader.find("abcd", piece - 2, piece + 2) == piece - 2);
  CHECK_FALSE(reader.find("abcd", piece - 1, content.size()));
  CHECK_FALSE(reader.find("abcd", 0, piece + 1));
  CHECK(reader.read_all(piece - 2, piece + 2) == "abcd");
  CHECK(reader.read_all(content.size() - 1, content.size() + 9) == "x");
  CHECK(reader.read_all(content.size(), content.size() + 9).empty());
}
