// The local checkout of --dev: what a payments provider would do, on a page that a person or a test can
// click.
#pragma once

#include <chrono>

#include "api/http/message.hpp"
#include "journal/node.hpp"
#include "journal/ports.hpp"
#include "journal/signed_token.hpp"
#include "projections/tasks/queries.hpp"

namespace groundtruth::api::dev {

inline constexpr std::string_view kFormPurpose = "dev-checkout-form";

struct Services {
  journal::Node& node;
  const projections::TaskQueries& tasks;
  const journal::Clock& clock;
  journal::Randomness& randomness;
  const journal::SignedToken form_tokens;  // of kFormPurpose
  std::chrono::milliseconds answer_margin{250};
};

http::Async<http::Response> show_checkout(Services& services, http::Request& request);
// action=pay funds the task, action=cancel gives it up; both lead back to the page. A browser must send the
// token that stands in the page's form, so that no other site can make it pay (CSRF); a program, which says
// nothing that only a browser says, need not: it acts by nobody's leave but its own.
http::Async<http::Response> act_on_checkout(Services& services, http::Request& request);

}  // namespace groundtruth::api::dev
