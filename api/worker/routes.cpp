// Routes to handlers (api/worker/routes.hpp).
#include "api/worker/routes.hpp"

#include "api/worker/admit.hpp"
#include "api/worker/errors.hpp"
#include "api/worker/guard.hpp"
#include "api/worker/handlers.hpp"

namespace groundtruth::api::worker {

http::Surface make_worker_surface(Services& services) {
  using Handler = http::Async<http::Response> (*)(Services&, http::Request&);
  using http::BodyKind;
  using http::Method;
  const auto with = [&services](Handler handler) {
    return [&services, handler](http::Request& request) { return handler(services, request); };
  };
  constexpr std::size_t body_bytes = 256 * 1024;
  constexpr std::size_t entry_bytes = 32 * 1024;                      // a registration, a login
  constexpr std::size_t form_bytes = 4 * 1024;                        // an address or a link, and a password
  constexpr std::size_t proof_bytes = 10 * 1024 * 1024 + body_bytes;  // data: URLs come inside
  constexpr auto worker = kWorkerScope;

  http::Surface surface;
  surface.name = "worker";
  surface.hosts = services.options.hosts;
  surface.on_every_host = true;
  surface.routes = {
      // clang-format off
      {Method::post, "/api/v1/worker/register",           "registerWorker",   with(register_worker),    BodyKind::json, entry_bytes, ""},
      {Method::get,  "/api/v1/worker/verify",             "showVerification", with(show_verification),  BodyKind::none, body_bytes,  ""},
      {Method::post, "/api/v1/worker/verify",             "verifyWorker",     with(verify_worker),      BodyKind::form, form_bytes,  ""},
      {Method::get,  "/api/v1/worker/verify/resend",      "showResend",       with(show_resend),        BodyKind::none, body_bytes,  ""},
      {Method::post, "/api/v1/worker/verify/resend",      "resendVerification", with(resend_verification), BodyKind::form, form_bytes, ""},
      {Method::get,  "/api/v1/worker/password/forgot",    "showForgot",       with(show_forgot),        BodyKind::none, body_bytes,  ""},
      {Method::post, "/api/v1/worker/password/forgot",    "forgotPassword",   with(forgot_password),    BodyKind::form, form_bytes,  ""},
      {Method::get,  "/api/v1/worker/password/reset",     "showReset",        with(show_reset),         BodyKind::none, body_bytes,  ""},
      {Method::post, "/api/v1/worker/password/reset",     "resetPassword",    with(reset_password),     BodyKind::form, form_bytes,  ""},
      {Method::post, "/api/v1/worker/login",              "login",            with(login),              BodyKind::json, entry_bytes, ""},
      {Method::get,  "/api/v1/worker/feed",               "getFeed",          with(get_feed),           BodyKind::none, body_bytes,  worker},
      {Method::post, "/api/v1/worker/tasks/{id}/accept",  "acceptTask",       with(accept_task),        BodyKind::json, body_bytes,  worker},
      {Method::post, "/api/v1/worker/tasks/{id}/release", "releaseTask",      with(release_task),       BodyKind::json, body_bytes,  worker},
      {Method::post, "/api/v1/worker/tasks/{id}/uploads", "announceUpload",   with(announce_upload),    BodyKind::json, body_bytes,  worker},
      {Method::post, "/api/v1/worker/tasks/{id}/proof",   "submitProof",      with(submit_proof),       BodyKind::json, proof_bytes, worker},
      {Method::get,  "/api/v1/worker/tasks/{id}/submission", "getSubmission", with(get_submission),      BodyKind::none, body_bytes,  worker},
      {Method::post, "/api/v1/worker/submissions/{id}/contest", "contestRejection", with(contest_rejection), BodyKind::json, body_bytes,  worker},
      {Method::get,  "/api/v1/worker/profile",            "getProfile",       with(get_profile),        BodyKind::none, body_bytes,  worker},
      {Method::put,  "/api/v1/worker/profile",            "changeProfile",    with(change_profile),     BodyKind::json, body_bytes,  worker},
      {Method::get,  "/api/v1/worker/earnings",           "getEarnings",      with(get_earnings),       BodyKind::none, body_bytes,  worker},
      {Method::get,  "/api/v1/worker/leaderboard",        "getLeaderboard",   with(get_leaderboard),    BodyKind::none, body_bytes,  worker},
      {Method::get,  "/api/v1/worker/commands/{id}",      "getCommand",       with(get_command),        BodyKind::none, body_bytes,  worker},
      {Method::get,  "/api/v1/worker/{id}/public",        "getPublicProfile", with(get_public_profile), BodyKind::none, body_bytes,  ""},
      // clang-format on
  };
  for (http::Route& route : surface.routes)
    if (route.operation == "submitProof" || route.operation == "announceUpload")
      route.admit = [&services](http::Request& request) { return admit_work(services, request); };
  surface.guard = [&services](http::Request& request, const http::Route& route) {
    return guard(services, request, route);
  };
  surface.finish = finish;
  surface.refuse = [](http::Refusal refusal, const http::Request&, std::string_view detail) {
    return refuse(refusal, detail);
  };
  surface.claims = [](const http::Request& request) {
    constexpr std::string_view base = "/api/v1/worker";
    // A path that cannot be decoded is empty: what came decides who says so.
    const std::string_view path = request.path.empty() ? request.target : request.path;
    return path == base || (path.starts_with(base) && path[base.size()] == '/');
  };
  return surface;
}

}  // namespace groundtruth::api::worker
