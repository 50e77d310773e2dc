// One call to the S3 store, for tests/e2e/test_s3.py.
#include <map>

#include "tests/tools/tool.hpp"
#include "workers/adapters/s3_blob_store.hpp"

namespace groundtruth::ports {

BOOST_DESCRIBE_STRUCT(BlobSpec, (), (key, content_type, bytes, sha256))

}  // namespace groundtruth::ports

namespace {

using namespace groundtruth;

enum class Action { sign_upload, sign_download, find, put, read, remove };
BOOST_DESCRIBE_ENUM(Action, sign_upload, sign_download, find, put, read, remove)

struct Call {
  std::string endpoint, bucket, access_key_id, secret_access_key, key_prefix;
  bool server_checks_sha256 = false;
  std::int64_t timeout_ms = 0;
  Action action{};
  std::string key;
  std::optional<ports::BlobSpec> spec;
  std::optional<std::string> content;
  std::optional<std::int64_t> age_s, valid_s;  // of a URL: how long ago it was signed, and for how long
  std::optional<std::uint64_t> offset, max_bytes;
};
BOOST_DESCRIBE_STRUCT(Call, (),
                      (endpoint, bucket, access_key_id, secret_access_key, key_prefix, server_checks_sha256,
                       timeout_ms, action, key, spec, content, age_s, valid_s, offset, max_bytes))

struct Result {
  std::optional<std::string> error, url, content;
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<ports::BlobSpec> spec;
};
BOOST_DESCRIBE_STRUCT(Result, (), (error, url, content, headers, spec))

adapters::S3Options options_of(const Call& call) {
  adapters::S3Options options;
  options.endpoint = call.endpoint;
  options.bucket = call.bucket;
  options.access_key_id = call.access_key_id;
  options.secret_access_key = call.secret_access_key;
  options.path_style = true;
  options.key_prefix = call.key_prefix;
  options.server_checks_sha256 = call.server_checks_sha256;
  options.timeout = std::chrono::milliseconds{call.timeout_ms};
  return options;
}

void act(const Call& call, Result& result) {
  adapters::S3BlobStore store(options_of(call), journal::system_clock());
  const domain::Timestamp signed_at{journal::system_clock().now().ms - call.age_s.value_or(0) * 1000};
  const std::chrono::seconds valid{call.valid_s.value_or(60)};
  switch (call.action) {
    case Action::sign_upload: {
      const auto upload = store.sign_upload(call.spec.value(), signed_at, valid);
      result.url = upload.url;
      result.headers.emplace(upload.headers.begin(), upload.headers.end());
      return;
    }
    case Action::sign_download:
      result.url = store.sign_download(call.key, signed_at, valid);
      return;
    case Action::find:
      result.spec = store.find(call.key);
      return;
    case Action::put:
      store.put(call.spec.value(), call.content.value());
      return;
    case Action::read:
      result.content = store.read(call.key, call.offset.value(), call.max_bytes.value());
      return;
    case Action::remove:
      store.remove(call.key);
      return;
  }
}

Result perform(const Call& call) {
  Result result;
  try {
    act(call, result);
  } catch (const ports::BlobStoreError& error) {
    result.error = error.what();
  }
  return result;
}

}  // namespace

int main() {
  return tools::run(perform);
}
