// See aside.hpp.
#include "api/http/aside.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace groundtruth::http {

namespace {

// Below the I/O threads: where processors are few, those who answer small requests come first.
constexpr int kNiceness = 5;

}  // namespace

struct Aside::Job {
  const Route* route = nullptr;
  Request request;
  Done done;
  void answer(Outcome outcome) { std::exchange(done, nullptr)(std::move(outcome)); }
};

struct Aside::Loop {
  Loop() : work(context.get_executor()) {
    thread = std::thread([this] {
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
      context.run();
    });
  }
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

Aside::Aside(AsideOptions options)
    : options_(options), waiting_(options.max_waiting, options.max_waiting_of_caller) {}

Aside::~Aside() {
  for (auto& loop : loops_) loop->context.stop();
  for (auto& loop : loops_) loop->thread.join();
  loops_.clear();
}

void Aside::handle(const Route& route, Request request, std::string_view caller, Done done) {
  auto job = std::make_shared<Job>(Job{&route, std::move(request), std::move(done)});
  std::optional<std::shared_ptr<Job>> gone;
  {
    const std::lock_guard lock(mutex_);
    if (running_ < options_.max_running && waiting_.empty()) {
      start(std::move(job));
      ++running_;
      return;
    }
    gone = waiting_.push(caller, std::move(job)).gone;
  }
  if (gone) (*gone)->answer({std::nullopt, "too many large requests are waiting", Outcome::Kind::no_turn});
}

void Aside::start(std::shared_ptr<Job> job) {
  if (loops_.size() < std::max(options_.threads, 1U)) loops_.push_back(std::make_unique<Loop>());
  Loop& loop = *loops_[next_loop_++ % loops_.size()];
  boost::asio::co_spawn(loop.context, serve(*this, std::move(job)), boost::asio::detached);
}

Async<void> Aside::serve(Aside& self, std::shared_ptr<Job> job) {
  Outcome outcome;
  try {
    outcome.response = co_await job->route->handle(job->request);
  } catch (const Unavailable& away) {
    outcome.failure = away.what();
    outcome.kind = Outcome::Kind::away;
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  } catch (...) {
    outcome.failure = "unknown exception";
  }
  job->answer(std::move(outcome));
  self.finished();
}

void Aside::finished() {
  for (;;) {
    std::shared_ptr<Job> next;
    {
      const std::lock_guard lock(mutex_);
      auto waiting = waiting_.pop();
      if (!waiting) {
        --running_;
        return;
      }
      next = std::move(*waiting);
      if (!next->request.is_abandoned()) {
        start(std::move(next));
        return;
      }
    }
    next->answer({std::nullopt, "the client has gone", Outcome::Kind::no_turn});
  }
}

}  // namespace groundtruth::http
