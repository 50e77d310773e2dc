// AWS Signature Version 4 in a URL's query, for S3 and what speaks like it ("Authenticating Requests: Using
// Query Parameters" in the S3 API reference). A calculation on text: no I/O.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "domain/values.hpp"

namespace groundtruth::adapters {

struct AwsAccess {
  std::string key_id;
  std::string secret;
  std::string region;
};

// What the holder of the URL may do, and nothing else. The content is not signed; a checksum among the
// headers can stand for it.
struct AwsRequest {
  std::string method;  // "GET"
  std::string host;    // as it stands in the Host header: without the port that its scheme has anyway
  std::string path;    // percent-encoded, begins with '/'
  // Besides Host: names in lower case and in order, values without blanks at their ends or doubled ones.
  std::vector<std::pair<std::string, std::string>> headers;
};

// "X-Amz-Algorithm=…&…&X-Amz-Signature=…". Good from `now`, in whole seconds, for 1 s to 7 days; throws
// std::invalid_argument for other times.
std::string presigned_query(const AwsAccess& access, const AwsRequest& request, domain::Timestamp now,
                            std::chrono::seconds valid);

}  // namespace groundtruth::adapters
