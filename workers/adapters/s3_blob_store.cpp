// See s3_blob_store.hpp.
#include "workers/adapters/s3_blob_store.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "journal/codec/base64.hpp"
#include "journal/codec/sha256.hpp"
#include "workers/adapters/blob_file.hpp"
#include "workers/adapters/curl_handle.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::chrono::seconds kOwnCallsValid{300};
constexpr std::size_t kHashedPartBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxErrorBytes = 16 * 1024;
constexpr std::size_t kMaxIdle = 8;
constexpr const char* kChecksum = "x-amz-checksum-sha256";
enum Status : long { kOk = 200, kNoContent = 204, kPartial = 206, kNotFound = 404, kNoSuchRange = 416 };

bool consists_of(std::string_view text, std::string_view others, bool upper) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

const S3Options& checked(const S3Options& options) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("S3: ") + what);
  };
  const auto host = options.endpoint.find("://");
  require(options.endpoint.starts_with("https://") || options.endpoint.starts_with("http://"),
          "the endpoint begins with https:// or http://");
  require(options.endpoint.size() > host + 3 &&
              consists_of(std::string_view(options.endpoint).substr(host + 3), ".-:[]", true),
          "the endpoint is a scheme, a host and perhaps a port");
  require(!options.region.empty() && consists_of(options.region, "-", false), "the region is malformed");
  require(options.bucket.size() >= 3 && consists_of(options.bucket, ".-", false), "the bucket is malformed");
  require(!options.access_key_id.empty() && !options.secret_access_key.empty(),
          "access key id and secret are missing");
  require(consists_of(options.key_prefix, "._-/", true) && !options.key_prefix.starts_with('/'),
          "the key prefix is made of [A-Za-z0-9._-] and '/' between");
  return options;
}

// The Host header has no port where it is the scheme's own, and so has the signature.
std::string host_of(const S3Options& options) {
  std::string host = options.endpoint.substr(options.endpoint.find("://") + 3);
  const std::string_view own_port = options.endpoint.starts_with("https://") ? ":443" : ":80";
  if (host.ends_with(own_port)) host.resize(host.size() - own_port.size());
  return options.path_style ? host : options.bucket + "." + host;
}

std::string path_of(const S3Options& options) {
  return (options.path_style ? "/" + options.bucket : "") + "/" + options.key_prefix;
}

std::string base64_of_hex(const std::string& hex) {
  std::string bytes(hex.size() / 2, '\0');
  sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), hex.data(), hex.size(),
                 nullptr, nullptr, nullptr);
  return journal::codec::to_base64(bytes);
}

std::string field_line(const std::string& name, const std::string& value) {
  return name + ": " + value;
}

// "NoSuchBucket" from the XML that explains an error; "" where there is none.
std::string_view error_code(std::string_view body) {
  constexpr std::string_view open = "<Code>", close = "</Code>";
  const auto begin = body.find(open);
  const auto end = body.find(close, begin == std::string_view::npos ? body.size() : begin);
  if (end == std::string_view::npos) return {};
  const auto code = body.substr(begin + open.size(), end - begin - open.size());
  return consists_of(code, "", true) ? code : std::string_view();
}

// A body that grows to its limit and not further: a server that says more is cut off.
struct Body {
  std::string text;
  std::size_t limit_bytes = 0;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  if (bytes > body.limit_bytes - body.text.size()) return CURL_WRITEFUNC_ERROR;
  body.text.append(data, bytes);
  return bytes;
}

std::size_t on_upload(char* out, std::size_t size, std::size_t count, void* user) {
  auto& unsent = *static_cast<std::string_view*>(user);
  const std::size_t taken = std::min(size * count, unsent.size());
  std::memcpy(out, unsent.data(), taken);
  unsent.remove_prefix(taken);
  return taken;
}

}  // namespace

struct S3BlobStore::Call {
  std::string method;
  std::string_view key;
  Headers headers{};  // signed: lower case, in order
  std::string_view content{};
  std::string range{};
  std::size_t max_body_bytes = 0;
};

struct S3BlobStore::Answer {
  long status = 0;
  std::string body;
  std::string content_type;
  std::optional<std::uint64_t> content_bytes;
  std::optional<std::string> checksum;  // base64
};

S3BlobStore::S3BlobStore(S3Options options, const journal::Clock& clock)
    : options_(std::move(options)),
      access_{checked(options_).access_key_id, options_.secret_access_key, options_.region},
      scheme_(options_.endpoint.substr(0, options_.endpoint.find("://") + 3)),
      host_(host_of(options_)),
      path_(path_of(options_)),
      clock_(clock) {}

S3BlobStore::~S3BlobStore() = default;

std::string S3BlobStore::sign(const std::string& method, std::string_view key, Headers headers,
                              domain::Timestamp now, std::chrono::seconds valid) const {
  check_key(key);
  const AwsRequest request{method, host_, path_ + std::string(key), std::move(headers)};
  return scheme_ + host_ + request.path + "?" + presigned_query(access_, request, now, valid);
}

ports::SignedUpload S3BlobStore::sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                             std::chrono::seconds valid) const {
  check_spec(spec);
  const std::string bytes = std::to_string(spec.bytes);
  const std::string checksum = base64_of_hex(spec.sha256);
  ports::SignedUpload upload;
  upload.url = sign("PUT", spec.key,
                    {{"content-length", bytes}, {"content-type", spec.content_type}, {kChecksum, checksum}},
                    now, valid);
  upload.headers = {{"Content-Type", spec.content_type}, {"Content-Length", bytes}, {kChecksum, checksum}};
  constexpr std::int64_t second_ms = 1000;  // the URL has no finer time
  upload.expires_at.ms = now.ms - now.ms % second_ms + valid.count() * second_ms;
  return upload;
}

std::string S3BlobStore::sign_download(std::string_view key, domain::Timestamp now,
                                       std::chrono::seconds valid) const {
  return sign("GET", key, {}, now, valid);
}

std::optional<ports::BlobSpec> S3BlobStore::find(std::string_view key) {
  Call call{"HEAD", key};
  call.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  const Answer answer = perform(call);
  if (answer.status == kNotFound) return std::nullopt;
  if (answer.status != kOk || !answer.content_bytes) fail(call, answer);
  ports::BlobSpec spec{std::string(key), answer.content_type, *answer.content_bytes, {}};
  if (options_.server_checks_sha256 && answer.checksum) {
    const auto digest = journal::codec::from_base64(*answer.checksum);
    if (digest && digest->size() == crypto_hash_sha256_BYTES) spec.sha256 = journal::codec::to_hex(*digest);
  }
  if (spec.sha256.empty()) spec.sha256 = hash_of_content(key, spec.bytes);
  return spec;
}

std::string S3BlobStore::hash_of_content(std::string_view key, std::uint64_t size_bytes) {
  journal::codec::Sha256 hash;
  for (std::uint64_t done = 0; done < size_bytes;) {
    const std::string part = read(key, done, kHashedPartBytes);
    if (part.empty()) throw ports::BlobStoreError("S3: object " + std::string(key) + " changed while read");
    hash.add(part);
    done += part.size();
  }
  return hash.hex();
}

void S3BlobStore::put(const ports::BlobSpec& spec, std::string_view content) {
  check_spec(spec);
  if (content.size() != spec.bytes || journal::codec::sha256_hex(content) != spec.sha256)
    throw std::invalid_argument("content and spec of object " + spec.key + " differ");
  Call call{"PUT", spec.key};
  call.headers = {{"content-length", std::to_string(spec.bytes)},
                  {"content-type", spec.content_type},
                  {kChecksum, base64_of_hex(spec.sha256)}};
  call.content = content;
  const Answer answer = perform(call);
  if (answer.status != kOk) fail(call, answer);
}

std::string S3BlobStore::read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) {
  if (max_bytes == 0) return {};
  Call call{"GET", key};
  call.range = std::to_string(offset) + "-" + std::to_string(offset + max_bytes - 1);
  call.max_body_bytes = max_bytes;
  Answer answer = perform(call);
  if (answer.status == kNoSuchRange) return {};
  // Without a range in its answer a server has sent the object from its beginning.
  const bool is_range = answer.status == kPartial || (answer.status == kOk && offset == 0);
  if (!is_range || answer.body.size() > max_bytes) fail(call, answer);
  return std::move(answer.body);
}

void S3BlobStore::remove(std::string_view key) {
  const Call call{"DELETE", key};
  const Answer answer = perform(call);
  if (answer.status != kOk && answer.status != kNoContent && answer.status != kNotFound) fail(call, answer);
}

void S3BlobStore::fail(const Call& call, const Answer& answer) const {
  std::string what = "S3: " + call.method + " of " + std::string(call.key) + " was answered with " +
                     std::to_string(answer.status);
  if (const auto code = error_code(answer.body); !code.empty()) what.append(" ").append(code);
  throw ports::BlobStoreError(what);
}

S3BlobStore::Answer S3BlobStore::perform(const Call& call) {
  std::unique_ptr<CurlHandle> curl;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      curl = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!curl) curl = std::make_unique<CurlHandle>();
  Answer answer = perform_on(*curl, call);
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(curl));
  return answer;
}

S3BlobStore::Answer S3BlobStore::perform_on(CurlHandle& curl, const Call& call) {
  curl.reset();
  curl.set(CURLOPT_PROTOCOLS_STR, "http,https");
  curl.set(CURLOPT_URL, sign(call.method, call.key, call.headers, clock_.now(), kOwnCallsValid).c_str());
  curl.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl.set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  if (!options_.ca_file.empty()) curl.set(CURLOPT_CAINFO, options_.ca_file.c_str());

  CurlList headers;
  append(headers, "Expect:");  // no round trip before the body
  for (const auto& [name, value] : call.headers) append(headers, field_line(name, value));
  curl.set(CURLOPT_HTTPHEADER, headers.get());
  if (!call.range.empty()) curl.set(CURLOPT_RANGE, call.range.c_str());

  std::string_view unsent = call.content;
  if (call.method == "HEAD") {
    curl.set(CURLOPT_NOBODY, 1L);
  } else if (call.method == "PUT") {
    curl.set(CURLOPT_UPLOAD, 1L);
    curl.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(unsent.size()));
    curl.set(CURLOPT_READFUNCTION, on_upload);
    curl.set(CURLOPT_READDATA, &unsent);
  } else {
    curl.set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }

  Body body;
  body.limit_bytes = std::max(call.max_body_bytes, kMaxErrorBytes);
  curl.set(CURLOPT_WRITEFUNCTION, on_body);
  curl.set(CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl.perform();
  if (code != CURLE_OK) throw ports::BlobStoreError("S3: " + curl.error(code));

  Answer answer;
  answer.status = curl.response_code();
  answer.body = std::move(body.text);
  answer.content_type = curl.response_header("content-type").value_or("");
  answer.checksum = curl.response_header(kChecksum);
  if (const auto length = curl.response_header("content-length")) {
    std::uint64_t bytes = 0;
    const auto read = std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (read.ec == std::errc() && read.ptr == length->data() + length->size()) answer.content_bytes = bytes;
  }
  return answer;
}

}  // namespace groundtruth::adapters
