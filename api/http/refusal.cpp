// See refusal.hpp.
#include "api/http/refusal.hpp"

#include <algorithm>

#include "api/http/response_head.hpp"

namespace groundtruth::http {
namespace {

int status_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::bad_request:
      return 400;
    case Refusal::not_found:
      return 404;
    case Refusal::method_not_allowed:
      return 405;
    case Refusal::timeout:
      return 408;
    case Refusal::body_too_large:
      return 413;
    case Refusal::unsupported_media:
      return 415;
    case Refusal::headers_too_large:
      return 431;
    case Refusal::internal:
      return 500;
    case Refusal::unavailable:
      return 503;
  }
  return 500;
}

}  // namespace

Response plain_refusal(Refusal refusal) {
  Response response;
  response.status = status_of(refusal);
  response.body.append(R"({"error":")").append(reason_phrase(response.status)).append("\"}");
  return response;
}

Response refusal_of(const Surface& surface, Refusal refusal, const Request& request,
                    std::string_view detail) {
  Response response = surface.refuse ? surface.refuse(refusal, request, detail) : plain_refusal(refusal);
  if (refusal != Refusal::unavailable) return response;
  const auto is_retry_after = [](const auto& field) {
    return equals_ignoring_case(field.first, "Retry-After");
  };
  if (std::none_of(response.headers.begin(), response.headers.end(), is_retry_after))
    response.header("Retry-After", "1");
  return response;
}

}  // namespace groundtruth::http
