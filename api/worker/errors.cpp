// See errors.hpp.
#include "api/worker/errors.hpp"

#include "api/common/json_object.hpp"

namespace groundtruth::api::worker {

http::Response to_response(const Problem& problem) {
  http::Response response;
  response.status = problem.status;
  ObjectWriter object(response.body);
  object.member("error", problem.message).member("code", problem.code);
  if (problem.retry_after.count() > 0)
    object.member("retry_after_seconds", std::int64_t{problem.retry_after.count()});
  object.end();
  if (problem.details != "{}") {  // its members stand beside ours
    response.body.back() = ',';
    response.body.append(problem.details, 1);
  }
  add_headers(response, problem);
  return response;
}

http::Response refuse(http::Refusal refusal, std::string_view detail) {
  return to_response(problem_of(refusal, detail));
}

}  // namespace groundtruth::api::worker
