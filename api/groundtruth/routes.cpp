// Routes to handlers (api/groundtruth/routes.hpp).
#include "api/groundtruth/routes.hpp"

#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/guard.hpp"
#include "api/groundtruth/handlers_keys.hpp"
#include "api/groundtruth/handlers_submissions.hpp"
#include "api/groundtruth/handlers_tasks.hpp"

namespace groundtruth::api::groundtruth {

http::Surface make_groundtruth_surface(Services& services) {
  using Handler = http::Async<http::Response> (*)(Services&, http::Request&);
  using http::BodyKind;
  using http::Method;
  const auto with = [&services](Handler handler) {
    return [&services, handler](http::Request& request) { return handler(services, request); };
  };
  constexpr std::size_t body_bytes = 256 * 1024;

  http::Surface surface;
  surface.name = "groundtruth";
  surface.hosts = services.options.hosts;
  surface.routes = {
      // clang-format off
      {Method::post, "/api/v1/tasks",             "createTask",   with(create_task),    BodyKind::json, body_bytes, "write", true},
      {Method::get,  "/api/v1/tasks",             "listTasks",    with(list_tasks),     BodyKind::none, body_bytes, "read"},
      {Method::get,  "/api/v1/tasks/{id}",        "getTask",      with(get_task),       BodyKind::none, body_bytes, "read"},
      {Method::post, "/api/v1/tasks/{id}/checkout", "renewCheckout", with(renew_checkout), BodyKind::json, body_bytes, "write"},
      {Method::post, "/api/v1/tasks/{id}/cancel", "cancelTask",   with(cancel_task),    BodyKind::json, body_bytes, "write"},
      {Method::get,  "/api/v1/tasks/{id}/submissions",   "listSubmissions",   with(list_submissions),   BodyKind::none, body_bytes, "read"},
      {Method::get,  "/api/v1/submissions/{id}",         "getSubmission",     with(get_submission),     BodyKind::none, body_bytes, "read"},
      {Method::post, "/api/v1/submissions/{id}/approve", "approveSubmission", with(approve_submission), BodyKind::json, body_bytes, "write", true},
      {Method::post, "/api/v1/submissions/{id}/reject",  "rejectSubmission",  with(reject_submission),  BodyKind::json, body_bytes, "write"},
      {Method::post, "/api/v1/api-keys",          "createApiKey", with(create_api_key), BodyKind::json, body_bytes, "admin"},
      {Method::get,  "/api/v1/api-keys",          "listApiKeys",  with(list_api_keys),  BodyKind::none, body_bytes, "admin"},
      {Method::del,  "/api/v1/api-keys/{id}",     "revokeApiKey", with(revoke_api_key), BodyKind::none, body_bytes, "admin"},
      {Method::get,  "/api/v1/commands/{id}",     "getCommand",   with(get_command),    BodyKind::none, body_bytes, "read"},
      // clang-format on
  };
  surface.guard = [&services](http::Request& request, const http::Route& route) {
    return guard(services, request, route);
  };
  surface.finish = finish;
  surface.refuse = [](http::Refusal refusal, const http::Request&, std::string_view detail) {
    return refuse(refusal, detail);
  };
  surface.claims = [](const http::Request& request) {
    return request.path == "/api/v1" || request.path.starts_with("/api/v1/");
  };
  return surface;
}

}  // namespace groundtruth::api::groundtruth
