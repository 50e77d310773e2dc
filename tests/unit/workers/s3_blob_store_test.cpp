// Signatures for S3 as AWS publishes them, and what the store signs. Calls to a server: tests/e2e/test_s3.py.
#include "workers/adapters/s3_blob_store.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters;
using namespace std::chrono_literals;

namespace {

constexpr domain::Timestamp kMay24{1'369'353'600'000};  // 2013-05-24T00:00:00Z
const AwsAccess kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};

S3Options options() {
  S3Options made;
  made.endpoint = "https://s3.amazonaws.com";
  made.bucket = "examplebucket";
  made.access_key_id = kExample.key_id;
  made.secret_access_key = kExample.secret;
  return made;
}

std::string url_up_to_query(const S3Options& made) {
  const S3BlobStore store(made, journal::system_clock());
  const std::string url = store.sign_download("proofs/1", kMay24, 60s);
  return url.substr(0, url.find('?'));
}

}  // namespace

TEST_CASE("the example of the S3 API reference") {
  // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", a GET that is good for a
  // day.
  CHECK(presigned_query(kExample, {"GET", "examplebucket.s3.amazonaws.com", "/test.txt", {}}, kMay24,
                        86'400s) ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_CASE("an upload's URL fixes type, size and hash") {
  const S3BlobStore store(options(), journal::system_clock());
  const ports::BlobSpec spec = testing::spec_of("proofs/1", "hello");
  const auto upload = store.sign_upload(spec, {kMay24.ms + 999}, 900s);
  CHECK(upload.url.starts_with("https://examplebucket.s3.amazonaws.com/proofs/1?X-Amz-Algorithm="));
  CHECK(upload.url.find("&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3B"
                        "x-amz-checksum-sha256&X-Amz-Signature=") != std::string::npos);
  CHECK(upload.headers == std::vector<std::pair<std::string, std::string>>{
                              {"Content-Type", "video/mp4"},
                              {"Content-Length", "5"},
                              {"x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}});
  CHECK(upload.expires_at.ms == kMay24.ms + 900'000);

  for (const auto& other : {testing::spec_of("proofs/1", "hello!"), testing::spec_of("proofs/2", "hello"),
                            testing::spec_of("proofs/1", "hello", "video/webm")})
    CHECK(store.sign_upload(other, kMay24, 900s).url != upload.url);
  CHECK(store.sign_upload(spec, kMay24, 900s).url == upload.url);
}

TEST_CASE("where an object lies") {
  S3Options made = options();
  CHECK(url_up_to_query(made) == "https://examplebucket.s3.amazonaws.com/proofs/1");
  made.key_prefix = "production/";
  CHECK(url_up_to_query(made) == "https://examplebucket.s3.amazonaws.com/production/proofs/1");
  made.path_style = true;
  CHECK(url_up_to_query(made) == "https://s3.amazonaws.com/examplebucket/production/proofs/1");
  made.endpoint = "https://s3.amazonaws.com:443";  // a client would leave that port out of its Host header
  CHECK(url_up_to_query(made) == "https://s3.amazonaws.com/examplebucket/production/proofs/1");
  made.endpoint = "http://127.0.0.1:9000";
  CHECK(url_up_to_query(made) == "http://127.0.0.1:9000/examplebucket/production/proofs/1");
}

TEST_CASE("what cannot be signed is refused") {
  const S3BlobStore store(options(), journal::system_clock());
  for (const char* key : {"", "/a", "a/", "a//b", "../a", "a?b", "A", "a b", "a%2fb"})
    CHECK_THROWS_AS(store.sign_download(key, kMay24, 60s), std::invalid_argument);
  for (const std::chrono::seconds valid : {0s, -1s, 604'801s})
    CHECK_THROWS_AS(store.sign_download("a", kMay24, valid), std::invalid_argument);
  ports::BlobSpec spec = testing::spec_of("proofs/1", "hello");
  spec.sha256 = "x";
  CHECK_THROWS_AS(store.sign_upload(spec, kMay24, 60s), std::invalid_argument);
}

TEST_CASE("options that are wrong are named at once") {
  const auto refused = [](auto change) {
    S3Options made = options();
    change(made);
    CHECK_THROWS_AS(S3BlobStore(made, journal::system_clock()), std::invalid_argument);
  };
  for (const char* endpoint : {"", "s3.amazonaws.com", "ftp://a", "https://", "https://a/b", "https://u:p@a"})
    refused([&](S3Options& made) { made.endpoint = endpoint; });
  refused([](S3Options& made) { made.bucket = ""; });
  refused([](S3Options& made) { made.bucket = "a/b/c"; });
  refused([](S3Options& made) { made.region = ""; });
  refused([](S3Options& made) { made.access_key_id = ""; });
  refused([](S3Options& made) { made.secret_access_key = ""; });
  refused([](S3Options& made) { made.key_prefix = "/a"; });
  refused([](S3Options& made) { made.key_prefix = "a?b"; });
}
