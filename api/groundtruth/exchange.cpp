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

}  // namespace groundtruth::api::groundtruth
