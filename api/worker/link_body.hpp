// Bodies that a page's form or a program sends to the routes behind a mail's links: the same fields, as a
// form or as JSON, under the same rules.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/common/exchange.hpp"
#include "api/common/form.hpp"
#include "api/http/message.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::api::worker {

bool is_form(const http::Request& request);  // by its Content-Type
bool is_json(const http::Request& request);

// A form's fields as the JSON that a program would have sent; nullopt where it is no form. Empty fields are
// left out: a browser sends all that stand on the page.
std::optional<std::string> json_of_form(std::string_view body);

// An empty body is an empty object.
template <class T>
Body<T> read_link_body(const http::Request& request) {
  http::Request read;
  if (request.body.empty()) {
    read.body = "{}";
  } else if (is_form(request)) {
    auto json = json_of_form(request.body);
    if (!json) return {std::nullopt, {400, "validation_error", "The body is not a valid form."}};
    read.body = std::move(*json);
  } else if (is_json(request)) {
    read.body = request.body;
  } else {
    return {std::nullopt,
            {415, "unsupported_media_type", "The body must be application/json or a form of a page."}};
  }
  return read_body<T>(read);
}

}  // namespace groundtruth::api::worker
