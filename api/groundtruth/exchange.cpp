// See api/groundtruth/exchange.hpp.
#include "api/groundtruth/exchange.hpp"

namespace groundtruth::api::groundtruth {

http::Async<journal::Answer> execute(Services& services, const http::Request& request, Order order) {
  const Credential& credential = *caller_of(request).credential;
  Sender sender{{journal::ActorKind::api_key, credential.key.value, credential.account.value},
                credential.bucket};
  journal::Answer answer =
      co_await api::execute(services.exchange, request, std::move(sender), std::move(order));
  co_return answer;
}

http::Response not_written(const journal::Answer& answer) {
  http::Response response = to_response(problem_of(answer));
  note_replay(response, answer);
  return response;
}

http::Async<std::optional<http::Response>> await_position(Services& services, const http::Request& request) {
  const std::optional<Problem> problem = co_await api::await_position(services.exchange, request);
  if (!problem) co_return std::nullopt;
  co_return to_response(*problem);
}

}  // namespace groundtruth::api::groundtruth
