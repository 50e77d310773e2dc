// How the operator API says no: {"error":{"code","message"}}, the message in words that say what to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/router.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/submission.hpp"

namespace groundtruth::ops {

http::Response error(int status, std::string_view code, std::string_view message);
http::Response no_such_account();

// What stands for an error in a stream whose status is sent already: one line of NDJSON.
std::string error_line(std::string_view code, std::string_view message);

http::Response validation_error(const std::vector<journal::codec::FieldError>& errors);

// Any answer of the writer but an accepted one.
http::Response refused(const journal::Answer& answer);

http::Response refusal(http::Refusal refusal, std::string_view detail);

template <class T>
http::Response json(int status, const T& value) {
  http::Response response;
  response.status = status;
  journal::codec::write_json(response.body, value);
  response.body += '\n';
  response.header("Cache-Control", "no-store");
  return response;
}

// The value of a request's body, or the response that names every wrong field.
template <class T>
std::variant<T, http::Response> decode_body(const http::Request& request) {
  auto decoded = journal::codec::decode_json<T>(request.body);
  if (decoded.not_json) return error(400, "invalid_json", "the body " + decoded.not_json->reason);
  if (!decoded.value) return validation_error(decoded.errors);
  return std::move(*decoded.value);
}

}  // namespace groundtruth::ops
