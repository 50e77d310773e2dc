// Media over real connections: signed URLs in, objects in a folder, objects out again.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "api/http/server.hpp"
#include "api/media/surface.hpp"
#include "tests/unit/http/raw_client.hpp"
#include "tests/unit/workers/media_support.hpp"
#include "workers/adapters/folder_blob_store.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters::testing;
using http::Answer;
using http::RawClient;

namespace {

constexpr std::chrono::seconds kHour{3600};
const std::string kOwner = "asg_01hx4nvzgwq9k3m5p8r2s4t6v8";

class SteppingClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {now_ms}; }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
  std::atomic<std::int64_t> now_ms{1'781'792'000'000};
};

// A folder, and a server before it.
class MediaHouse {
 public:
  explicit MediaHouse(
      api::media::Options options = {}, http::ServerOptions server = {},
      api::media::FindLease find = [](const std::string&) { return api::media::LeaseFacts{}; })
      : services_(store, clock, options, std::move(find)) {
    std::vector<http::Surface> surfaces;
    surfaces.push_back(api::media::make_media_surface(services_));
    server.port = 0;
    server_ = std::make_unique<http::Server>(
        std::move(server), http::Router(std::move(surfaces)), nullptr,
        [this](std::string_view, std::string_view, std::string_view) { ++errors; });
    server_->start();
  }

  std::uint16_t port() const { return server_->port(); }
  void stop() { server_->stop(); }
  void end_uploads(const std::string& owner) { services_.uploads.end_all(owner + '/'); }

  // "PUT <target> HTTP/1.1" and the headers that were signed, without the empty line.
  std::string put_head(const ports::BlobSpec& spec) const {
    const auto upload = store.sign_upload(spec, clock.now(), kHour);
    std::string head = "PUT " + upload.url + " HTTP/1.1\r\nHost: h\r\n";
    for (const auto& [name, value] : upload.headers)
      head.append(name).append(": ").append(value).append("\r\n");
    return head;
  }
  std::string put(const ports::BlobSpec& spec, const std::string& content) const {
    return put_head(spec) + "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content;
  }
  std::string get(const std::string& key, const std::string& fields = {},
                  const std::string& method = "GET") const {
    return method + " " + store.sign_download(key, clock.now(), kHour) + " HTTP/1.1\r\nHost: h\r\n" + fields +
           "\r\n";
  }
  Answer ask(const std::string& request) const { return RawClient(port()).ask(request); }
  std::size_t incoming() const {
    const std::filesystem::directory_iterator files(folder.path() / "media" / "incoming");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  TemporaryFolder folder;
  adapters::FolderBlobStore store{folder.path() / "media", master_key()};
  SteppingClock clock;
  std::atomic<int> errors{0};

 private:
  api::media::Services services_;
  std::unique_ptr<http::Server> server_;
};

std::string key_for(std::string_view content) {
  return kOwner + "/" + sha256_of(content);
}

ports::BlobSpec spec_for(const std::string& content, const std::string& type = "video/mp4") {
  return spec_of(key_for(content), content, type);
}

std::string unsigned_request(const std::string& method, const std::string& path,
                             const std::string& rest = "\r\n") {
  return method + " " + path + " HTTP/1.1\r\nHost: h\r\n" + rest;
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what was uploaded is downloaded, by one connection after the other") {
  MediaHouse house;
  const std::string empty, tiny = "x", large = content_of(3'000'000);
  for (const std::string& content : {empty, tiny, large}) {
    RawClient client(house.port());
    for (int repeat = 0; repeat < 2; ++repeat) {
      const Answer in = client.ask(house.put(spec_for(content), content));
      CHECK(in.status == 200);
      CHECK(in.header("etag") == "\"" + sha256_of(content) + "\"");
      CHECK(in.body.empty());
    }
    const Answer out = client.ask(house.get(key_for(content)));
    CHECK(out.status == 200);
    CHECK(out.body == content);
    CHECK(out.header("content-type") == "video/mp4");
    CHECK(out.header("content-length") == std::to_string(content.size()));
    CHECK(out.header("etag") == "\"" + sha256_of(content) + "\"");
    CHECK(out.header("accept-ranges") == "bytes");
    client.send(house.get(key_for(content), {}, "HEAD"));
    Answer head = client.receive(true);
    CHECK(head.status == 200);
    for (const char* own : {"date", "x-request-id"}) head.headers[own] = out.header(own);
    CHECK(head.headers == out.headers);
    CHECK(client.ask(house.get(key_for(content))).body == content);
  }
  CHECK(house.incoming() == 0);
}

TEST_CASE("an upload may come in chunks") {
  MediaHouse house;
  const std::string content = content_of(70'000);
  const std::string head = house.put_head(spec_for(content)) + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(house.ask(head + "11170\r\n" + content + "\r\n0\r\n\r\n").status == 200);
  CHECK(house.ask(house.get(key_for(content))).body == content);

  const std::string other = content_of(70'001);  // one byte more than was signed, and one less
  const std::string other_head = house.put_head(spec_for(other)) + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(house.ask(other_head + "11172\r\n" + other + "x\r\n0\r\n\r\n").status == 413);
  CHECK(house.ask(other_head + "11170\r\n" + content + "\r\n0\r\n\r\n").status == 400);
  CHECK_FALSE(house.store.find(key_for(other)));
}

TEST_CASE("an upload that is not what was signed stores nothing") {
  MediaHouse house;
  const std::string content = "the content", longer = "the content!", shorter = "the conten",
                    other = "the kontent";
  const auto spec = spec_for(content);
  const std::string good = house.put(spec, content);
  struct Row {
    const char* what;
    std::string request;
    int status;
  };
  const Row rows[] = {
      {"other content", house.put(spec, other), 400},
      {"more content", house.put(spec, longer), 413},
      {"less content", house.put(spec, shorter), 400},
      {"no content", house.put(spec, ""), 400},
      {"another type", changed(good, "Content-Type: video/mp4", "Content-Type: text/html"), 400},
      {"no type", changed(good, "Content-Type: video/mp4\r\n", ""), 400},
      {"a type in the URL that was not signed", changed(good, "video%2Fmp4", "text%2Fhtml"), 403},
      {"a size in the URL that was not signed", changed(good, "bytes=11", "bytes=12"), 403},
      {"another hash", changed(good, "sha256=", "sha256=0"), 403},
      {"no signature", changed(good, "X-Amz-Signature", "X"), 403},
      {"a longer life", changed(good, "X-Amz-Expires=3600", "X-Amz-Expires=360000"), 403},
      {"another key", changed(good, kOwner, "asg_01hx4nvzgwq9k3m5p8r2s4t6v9"), 403},
      {"a download's URL", changed(house.get(spec.key), "GET ", "PUT "), 403},
      {"compressed", changed(good, "Host: h", "Host: h\r\nContent-Encoding: gzip"), 415},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Answer answer = house.ask(row.request);
    CHECK(answer.status == row.status);
    CHECK(answer.body.starts_with("{\"error\":{\"code\":\""));
    CHECK_FALSE(house.store.find(spec.key));
  }
  CHECK(house.ask(good).status == 200);
  CHECK(house.ask(house.put(spec, other)).status == 400);
  CHECK(house.store.read(spec.key, 0, 100) == content);
}

TEST_CASE("the server's own limit stands above the signed size") {
  api::media::Options options;
  options.max_upload_bytes = 1'000;
  MediaHouse house(options);
  const std::string fits = content_of(1'000), too_large = content_of(1'001);
  CHECK(house.ask(house.put(spec_for(fits), fits)).status == 200);
  CHECK(house.ask(house.put(spec_for(too_large), too_large)).status == 413);
}

TEST_CASE("a URL serves one use, for its time") {
  MediaHouse house;
  const std::string content = "the content";
  const auto spec = spec_for(content);
  const std::string in = house.put(spec, content), out = house.get(spec.key);
  CHECK(house.ask(in).status == 200);
  CHECK(house.ask(changed(house.put_head(spec) + "\r\n", "PUT ", "GET ")).status == 403);
  CHECK(house.ask(changed(out, "X-Amz-Signature=", "X-Amz-Signature=0")).status == 403);
  CHECK(house.ask(unsigned_request("GET", "/media/" + spec.key)).status == 403);
  house.clock.now_ms += 3'599'999;
  CHECK(house.ask(out).status == 200);
  CHECK(house.ask(in).status == 200);
  house.clock.now_ms += 1;
  for (const std::string& request : {in, out}) {
    const Answer answer = house.ask(request);
    CHECK(answer.status == 403);
    CHECK(answer.body.find("This URL has expired") != std::string::npos);
  }
}

TEST_CASE("paths that no object has, and objects that are not there") {
  MediaHouse house;
  const std::string hash(64, 'a'), owner = "/media/" + kOwner;
  const std::vector<std::string> paths = {owner,
                                          owner + "/",
                                          owner + "/x",
                                          owner + "/" + hash + "0",
                                          owner + "/" + hash + "/x",
                                          owner + "/" + std::string(64, 'A'),
                                          owner + "%2f..%2f/" + hash,
                                          "/media/x/" + hash,
                                          "/media/../" + hash,
                                          "/media//" + hash};
  for (const std::string& path : paths) {
    CAPTURE(path);
    CHECK(house.ask(unsigned_request("GET", path)).status == 404);
    CHECK(house.ask(unsigned_request("PUT", path, "Content-Length: 1\r\n\r\nx")).status == 404);
  }
  const Answer missing = house.ask(house.get(kOwner + "/" + hash));
  CHECK(missing.status == 404);
  CHECK(missing.body ==
        R"({"error":{"code":"not_found","message":"There is no such object.","details":{}}})");
  const Answer wrong_method = house.ask(unsigned_request("DELETE", "/media/" + kOwner + "/" + hash));
  CHECK(wrong_method.status == 405);
  CHECK(wrong_method.header("allow") == "GET, HEAD, PUT, OPTIONS");
}

TEST_CASE("an object goes out in parts, or not again") {
  MediaHouse house;
  const std::string content = content_of(600'000);
  const auto spec = spec_for(content);
  house.store.put(spec, content);
  const std::string tag = "\"" + spec.sha256 + "\"";
  RawClient client(house.port());

  const Answer part = client.ask(house.get(spec.key, "Range: bytes=100-500099\r\n"));
  CHECK(part.status == 206);
  CHECK(part.header("content-range") == "bytes 100-500099/600000");
  CHECK(part.header("content-length") == "500000");
  CHECK(part.body == content.substr(100, 500'000));
  CHECK(client.ask(house.get(spec.key, "Range: bytes=-5\r\nIf-Range: " + tag + "\r\n")).body ==
        content.substr(content.size() - 5));
  const Answer changed_since = client.ask(house.get(spec.key, "Range: bytes=-5\r\nIf-Range: \"other\"\r\n"));
  CHECK(changed_since.status == 200);
  CHECK(changed_since.body == content);
  CHECK(client.ask(house.get(spec.key, "Range: bytes=0-1,5-6\r\n")).status == 200);

  const Answer beyond = client.ask(house.get(spec.key, "Range: bytes=600000-\r\n"));
  CHECK(beyond.status == 416);
  CHECK(beyond.header("content-range") == "bytes */600000");
  CHECK(beyond.header("content-type") == "application/json");

  client.send(house.get(spec.key, "Range: bytes=0-1\r\n", "HEAD"));
  const Answer head = client.receive(true);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "600000");

  const Answer known = client.ask(house.get(spec.key, "Range: bytes=0-1\r\nIf-None-Match: " + tag + "\r\n"));
  CHECK(known.status == 304);
  CHECK(known.header("etag") == tag);
  CHECK(client.ask(house.get(spec.key, "If-None-Match: \"other\"\r\n")).status == 200);
}

TEST_CASE("a browser shows images, video and audio, and runs nothing") {
  MediaHouse house;
  struct Row {
    std::string type, disposition;
  };
  const Row rows[] = {{"video/mp4", "inline"},     {"audio/mpeg", "inline"},
                      {"image/jpeg", "inline"},    {"image/svg+xml", "attachment"},
                      {"text/html", "attachment"}, {"application/pdf", "attachment"},
                      {"videos/mp4", "attachment"}};
  for (const Row& row : rows) {
    CAPTURE(row.type);
    house.store.put(spec_for("x", row.type), "x");
    const Answer answer = house.ask(house.get(key_for("x")));
    CHECK(answer.header("content-type") == row.type);
    CHECK(answer.header("content-disposition") == row.disposition);
    CHECK(answer.header("x-content-type-options") == "nosniff");
    CHECK(answer.header("content-security-policy").find("default-src 'none'") != std::string::npos);
    CHECK(answer.header("content-security-policy").find("sandbox") != std::string::npos);
    CHECK(answer.header("cache-control") == "private, no-cache");
  }
}

TEST_CASE("a client that goes away in the middle leaves nothing") {
  MediaHouse house;
  const std::string content = content_of(400'000);
  const std::string whole = house.put(spec_for(content), content);
  {
    RawClient client(house.port());
    client.send(whole.substr(0, whole.size() - 1));
    client.shut_down_sending();
    CHECK(client.receive().status == 400);
  }
  house.stop();
  CHECK_FALSE(house.store.find(key_for(content)));
}

namespace {

// A connection that has sent the first part of an upload, which the server is writing.
std::unique_ptr<RawClient> half_sent(MediaHouse& house, const ports::BlobSpec& spec,
                                     const std::string& content) {
  const auto before = house.incoming();
  auto client = std::make_unique<RawClient>(house.port());
  client->send(house.put_head(spec) + "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n");
  client->send(content.substr(0, content.size() / 2));
  while (house.incoming() == before) std::this_thread::yield();
  return client;
}

std::string rest_of(const std::string& content) {
  return content.substr(content.size() / 2);
}

const std::string kOtherOwner = "asg_01hx4nvzgwq9k3m5p8r2s4t6v9";

}  // namespace

TEST_CASE("uploads have a bound, and each end makes room") {
  api::media::Options options;
  options.uploads.all = 1;
  MediaHouse house(options);
  const std::string content = content_of(400'000), other = "another";
  const auto first = half_sent(house, spec_for(content), content);
  const Answer refused = house.ask(house.put(spec_for(other), other));
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "1");
  CHECK(first->ask(rest_of(content)).status == 200);
  CHECK(house.ask(house.put(spec_for(other), other)).status == 200);
}

TEST_CASE("a head alone keeps no place from anybody") {
  api::media::Options options;
  options.uploads.all = 1;
  MediaHouse house(options);
  const std::string content = content_of(400'000), other = content_of(300'000);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(std::make_unique<RawClient>(house.port()));
    silent.back()->send(house.put_head(spec_for(content)) +
                        "Content-Length: 400000\r\nExpect: 100-continue\r\n\r\n");
    CHECK(silent.back()->receive().status == 100);
  }
  CHECK(house.ask(house.put(spec_for(other), other)).status == 200);
  CHECK(house.ask(house.put(spec_for(content), content)).status == 200);
}

TEST_CASE("one upload at a time for an object") {
  MediaHouse house;
  const std::string content = content_of(400'000);
  const auto first = half_sent(house, spec_for(content), content);
  const Answer refused = house.ask(house.put(spec_for(content), content));
  CHECK(refused.status == 409);
  CHECK(refused.header("retry-after") == "5");
  CHECK(refused.body.find("upload_running") != std::string::npos);
  CHECK(house.incoming() == 1);
  CHECK(first->ask(rest_of(content)).status == 200);
  CHECK(house.ask(house.put(spec_for(content), content)).status == 200);
  CHECK(house.incoming() == 0);
}

TEST_CASE("what is there already takes no more room when it comes again") {
  MediaHouse house;
  const std::string content = content_of(400'000);
  CHECK(house.ask(house.put(spec_for(content), content)).status == 200);
  RawClient again(house.port());
  again.send(house.put_head(spec_for(content)) + "Content-Length: 400000\r\n\r\n" +
             content.substr(0, 300'000));
  const std::string other = content_of(100'000);
  CHECK(house.ask(house.put(spec_for(other), other)).status == 200);
  CHECK(house.incoming() == 0);
  CHECK(again.ask(content.substr(300'000)).status == 200);
  CHECK(
      house.ask(changed(house.put(spec_for(content), content), content, std::string(400'000, 'x'))).status ==
      400);
  CHECK(house.ask(house.get(key_for(content))).body == content);
}

TEST_CASE("so many uploads of one worker at once, whatever others do") {
  api::media::Options options;
  options.uploads.of_worker = 1;
  MediaHouse house(options, {}, [](const std::string& key) {
    const bool is_first = key.starts_with(kOwner);
    return api::media::LeaseFacts{api::media::LeaseState::held, is_first ? "wrk_1" : "wrk_2"};
  });
  const std::string content = content_of(400'000), other = content_of(300'000);
  const auto first = half_sent(house, spec_for(content), content);
  const Answer refused = house.ask(house.put(spec_for(other), other));
  CHECK(refused.status == 429);
  CHECK_FALSE(refused.header("retry-after").empty());
  const auto of_another = spec_of(kOtherOwner + "/" + sha256_of(other), other);
  CHECK(house.ask(house.put(of_another, other)).status == 200);
  CHECK(first->ask(rest_of(content)).status == 200);
  CHECK(house.ask(house.put(spec_for(other), other)).status == 200);
}

TEST_CASE("with the end of its lease an upload is gone at once") {
  std::atomic<bool> is_over{false};
  MediaHouse house({}, {}, [&](const std::string&) {
    using api::media::LeaseState;
    return api::media::LeaseFacts{is_over ? LeaseState::over : LeaseState::held, "wrk_1"};
  });
  const std::string there = content_of(300'000), content = content_of(400'000);
  CHECK(house.ask(house.put(spec_for(there), there)).status == 200);
  const auto first = half_sent(house, spec_for(content), content);
  house.end_uploads(kOtherOwner);
  CHECK(house.incoming() == 1);
  is_over = true;
  house.end_uploads(kOwner);
  CHECK(house.incoming() == 0);
  const Answer refused = first->ask(rest_of(content));
  CHECK(refused.status == 409);
  CHECK(refused.body.find("lease_over") != std::string::npos);
  CHECK(house.ask(house.put(spec_for(content), content)).status == 409);
  CHECK_MESSAGE(house.ask(house.put(spec_for(there), there)).status == 200, "a retry of what was answered");
  CHECK(house.incoming() == 0);
}

TEST_CASE("a server that stops in the middle of an upload leaves nothing") {
  http::ServerOptions server;
  server.drain_timeout = std::chrono::milliseconds(50);
  auto house = std::make_unique<MediaHouse>(api::media::Options{}, server);
  const std::string content = content_of(400'000);
  RawClient client(house->port());
  client.send(house->put_head(spec_for(content)) + "Content-Length: 400000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.receive().status == 100);
  client.send(content.substr(0, 300'000));
  house->stop();
  CHECK_FALSE(house->store.find(key_for(content)));
}

TEST_CASE("many uploads and downloads at once") {
  MediaHouse house;
  std::vector<std::future<bool>> clients;
  for (int number = 0; number < 8; ++number) {
    clients.push_back(std::async(std::launch::async, [&house, number] {
      const std::string content = content_of(300'000 + static_cast<std::size_t>(number));
      RawClient client(house.port());
      bool good = true;
      for (int round = 0; round < 3; ++round) {
        good = good && client.ask(house.put(spec_for(content), content)).status == 200;
        good = good && client.ask(house.get(key_for(content))).body == content;
      }
      return good;
    }));
  }
  for (auto& client : clients) CHECK(client.get());
  CHECK(house.errors == 0);
}

namespace {

// A disk that is full.
class BrokenBlobs final : public ports::ServedBlobs {
 public:
  ports::SignedSpec check_upload(const ports::BlobRequest& request, domain::Timestamp) const override {
    return {ports::Signature::valid, {std::string(request.key), "video/mp4", 4, std::string(64, 'a')}};
  }
  ports::Signature check_download(const ports::BlobRequest&, domain::Timestamp) const override {
    return ports::Signature::valid;
  }
  std::unique_ptr<ports::BlobWriter> begin(const ports::BlobSpec&) override {
    throw ports::BlobStoreError("no space left");
  }
  std::unique_ptr<ports::OpenBlob> open(std::string_view) override {
    throw ports::BlobStoreError("cannot read");
  }
};

}  // namespace

TEST_CASE("a store that fails is an opaque 503") {
  BrokenBlobs blobs;
  SteppingClock clock;
  api::media::Services services(blobs, clock);
  std::vector<http::Surface> surfaces;
  surfaces.push_back(api::media::make_media_surface(services));
  std::atomic<int> errors{0};
  http::Server server(http::ServerOptions{.port = 0}, http::Router(std::move(surfaces)), nullptr,
                      [&](std::string_view, std::string_view, std::string_view) { ++errors; });
  server.start();
  const std::string path = "/media/" + kOwner + "/" + std::string(64, 'a') + " HTTP/1.1\r\nHost: h\r\n";
  RawClient client(server.port());
  for (const std::string& request :
       {"PUT " + path + "Content-Type: video/mp4\r\nContent-Length: 4\r\n\r\nbody", "GET " + path + "\r\n"}) {
    const Answer answer = client.ask(request);
    CHECK(answer.status == 503);
    CHECK(answer.header("retry-after") == "1");
    CHECK(answer.body.find("no space left") == std::string::npos);
  }
  server.stop();
  CHECK(errors == 2);
}
