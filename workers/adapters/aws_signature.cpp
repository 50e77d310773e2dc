// See aws_signature.hpp. The names are those of the specification.
#include "workers/adapters/aws_signature.hpp"

#include <sodium.h>

#include <initializer_list>
#include <stdexcept>
#include <string_view>

#include "journal/codec/sha256.hpp"
#include "workers/adapters/url_text.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::chrono::seconds kLongest = std::chrono::days{7};
constexpr std::size_t kDateChars = 8;  // of "20260618T143200Z"

namespace codec = journal::codec;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(std::string_view key, std::string_view text) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, raw(key), key.size());
  crypto_auth_hmacsha256_update(&state, raw(text), text.size());
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  return mac;
}

std::string join(std::initializer_list<std::string_view> lines, char between) {
  std::string out;
  for (const std::string_view line : lines) out.append(line).push_back(between);
  out.pop_back();
  return out;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

CanonicalHeaders canonical(const AwsRequest& request) {
  CanonicalHeaders out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.lines.append(name).append(":").append(value).append("\n");
    out.names.append(out.names.empty() ? "" : ";").append(name);
  };
  bool has_host = false;
  for (const auto& [name, value] : request.headers) {
    if (!has_host && name > "host") {
      add("host", request.host);
      has_host = true;
    }
    add(name, value);
  }
  if (!has_host) add("host", request.host);
  return out;
}

}  // namespace

std::string presigned_query(const AwsAccess& access, const AwsRequest& request, domain::Timestamp now,
                            std::chrono::seconds valid) {
  if (valid < std::chrono::seconds{1} || valid > kLongest)
    throw std::invalid_argument("a signed URL is good for a second to seven days");
  const std::string time = basic_time(domain::to_rfc3339_s(now));
  const std::string date = time.substr(0, kDateChars);
  const std::string scope = join({date, access.region, "s3", "aws4_request"}, '/');
  const CanonicalHeaders headers = canonical(request);

  // Its parameters stand in the order of their names, as the canonical request wants them.
  std::string query = "X-Amz-Algorithm=" + std::string(kAlgorithm);
  query += "&X-Amz-Credential=" + percent_encode(access.key_id + "/" + scope);
  query += "&X-Amz-Date=" + time;
  query += "&X-Amz-Expires=" + std::to_string(valid.count());
  query += "&X-Amz-SignedHeaders=" + percent_encode(headers.names);

  const std::string canonical_request =
      join({request.method, request.path, query, headers.lines, headers.names, kUnsignedPayload}, '\n');
  const std::string string_to_sign =
      join({kAlgorithm, time, scope, codec::sha256_hex(canonical_request)}, '\n');
  std::string key = "AWS4" + access.secret;
  for (const std::string_view part : {std::string_view(date), std::string_view(access.region),
                                      std::string_view("s3"), std::string_view("aws4_request")})
    key = hmac(key, part);
  return query + "&X-Amz-Signature=" + codec::to_hex(hmac(key, string_to_sign));
}

}  // namespace groundtruth::adapters
