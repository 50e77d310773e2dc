// See submit_all.hpp.
#include "workers/erasure/submit_all.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace groundtruth::workers {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

bool submit_all(const Submit& submit, journal::Clock& clock, std::vector<journal::Submission> submissions) {
  std::vector<std::future<bool>> answers;
  for (auto& submission : submissions) {
    auto answer = std::make_shared<std::promise<bool>>();
    answers.push_back(answer->get_future());
    submission.deadline = clock.steady() + kPatience;
    submission.done = [answer](const journal::Answer& given) {
      answer->set_value(given.kind == journal::AnswerKind::accepted);
    };
    submit(std::move(submission));
  }
  bool all = true;
  for (auto& answer : answers) all = answer.get() && all;
  return all;
}

}  // namespace groundtruth::workers
