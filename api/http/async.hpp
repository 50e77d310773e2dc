// How a handler waits for something that answers by a callback on another thread (a writer, a payments
// provider, a thread pool) without blocking its I/O thread.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "api/http/message.hpp"

namespace groundtruth::http {

namespace detail {

// A suspended coroutine belongs to its event loop, not to the foreign thread that will wake it: when the loop
// dies first, it destroys the coroutine, and the late callback finds nobody. The registry is what both sides
// lock.
class Waiter {
 public:
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 protected:
  struct Registry {
    std::mutex mutex;
    Waiter* first = nullptr;
  };
  class Service;

  explicit Waiter(boost::asio::execution_context& loop);
  virtual ~Waiter() = default;
  void unlink();               // with the registry's mutex held
  virtual void discard() = 0;  // the loop dies; called with the registry's mutex held

  std::shared_ptr<Registry> registry_;

 private:
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

template <class T, class Handler>
class CallbackWaiter final : public Waiter {
 public:
  explicit CallbackWaiter(Handler handler)
      : Waiter(boost::asio::get_associated_executor(handler).context()), handler_(std::move(handler)) {}
  // Every copy of the callback is gone and none was called: an error in the handler is better than a hang.
  ~CallbackWaiter() override {
    resume(std::make_exception_ptr(std::runtime_error("a callback was dropped without being called")),
           std::nullopt);
  }

  void resume(std::exception_ptr error, std::optional<T> value) {
    const std::lock_guard lock(registry_->mutex);
    if (!handler_) return;
    unlink();
    const auto executor = boost::asio::get_associated_executor(*handler_);
    auto wake = [handler = std::move(*handler_), error = std::move(error),
                 value = std::move(value)]() mutable {
      std::move(handler)(std::move(error), std::move(value));
    };
    handler_.reset();
    boost::asio::post(executor, std::move(wake));  // under the lock: the loop cannot die in between
  }

 private:
  void discard() override { handler_.reset(); }

  std::optional<Handler> handler_;
};

// What a callback says before and after somebody waits for it: an answer that is there at once costs no way
// through the event loop.
template <class T>
class Call {
 public:
  void put(T value) {
    std::function<void(T)> forward;
    {
      const std::lock_guard lock(mutex_);
      if (!forward_) {
        if (!value_) value_ = std::move(value);
        return;
      }
      forward = std::exchange(forward_, nullptr);
    }
    forward(std::move(value));
  }
  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }
  void forward_to(std::function<void(T)> forward) {
    std::optional<T> value;
    {
      const std::lock_guard lock(mutex_);
      if (!value_) {
        forward_ = std::move(forward);
        return;
      }
      value = std::exchange(value_, std::nullopt);
    }
    forward(std::move(*value));
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
  std::function<void(T)> forward_;
};

}  // namespace detail

// Awaits `start`, which gets a copyable callback `void(T)` to be called once (later calls are ignored), from
// any thread, also before `start` returns, also after the server is gone. The handler continues on its own
// connection's thread. When every copy of the callback is destroyed uncalled, or `start` throws, the awaiting
// handler gets an exception.
//
//   auto outcome = co_await await_callback<Outcome>([&](auto done) { node.submit(command, done); });
template <class T, class Start>
Async<T> await_callback(Start start) {
  auto call = std::make_shared<detail::Call<T>>();
  start([call](T value) { call->put(std::move(value)); });
  std::optional<T> value = call->take();
  if (!value) {
    // Only the callbacks may keep the call alive: when the last one goes, the waiter must know.
    auto initiate = [](auto handler, std::shared_ptr<detail::Call<T>> waited) {
      auto waiter = std::make_shared<detail::CallbackWaiter<T, decltype(handler)>>(std::move(handler));
      waited->forward_to(
          [waiter](T answer) { waiter->resume(nullptr, std::optional<T>(std::move(answer))); });
    };
    value = co_await boost::asio::async_initiate<decltype(use_awaitable),
                                                 void(std::exception_ptr, std::optional<T>)>(
        initiate, use_awaitable, std::move(call));
  }
  co_return std::move(*value);
}

}  // namespace groundtruth::http
