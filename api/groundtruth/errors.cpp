// The seed's error envelope (api/groundtruth/errors.hpp).
#include "api/groundtruth/errors.hpp"

#include "api/common/json_object.hpp"

namespace groundtruth::api::groundtruth {

std::string error_object(const Problem& problem) {
  std::string out;
  ObjectWriter(out)
      .member("code", problem.code)
      .member("message", problem.message)
      .raw("details", problem.details)
      .end();
  return out;
}

http::Response to_response(const Problem& problem) {
  http::Response response;
  response.status = problem.status;
  ObjectWriter(response.body).raw("error", error_object(problem)).end();
  add_headers(response, problem);
  return response;
}

http::Response refuse(http::Refusal refusal, std::string_view detail) {
  return to_response(problem_of(refusal, detail));
}

}  // namespace groundtruth::api::groundtruth
