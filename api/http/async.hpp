// How a handler waits for something that answers by a callback on another thread (a writer, a payments
// provider, a thread pool) without blocking its I/O thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
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

  explicit Waiter(const boost::asio::any_io_executor& executor);
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
      : Waiter(boost::asio::get_associated_executor(handler)), handler_(std::move(handler)) {}
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

}  // namespace detail

// Awaits `start`, which gets a copyable callback `void(T)` to be called once (later calls are ignored), from
// any thread, also before `start` returns, also after the server is gone. The handler continues on its own
// connection's thread. When every copy of the callback is destroyed uncalled, or `start` throws, the awaiting
// handler gets the exception.
//
//   auto outcome = co_await await_callback<Outcome>([&](auto done) { node.submit(command, done); });
template <class T, class Start>
Async<T> await_callback(Start start) {
  auto initiate = [](auto handler, Start& begin) {
    auto waiter = std::make_shared<detail::CallbackWaiter<T, decltype(handler)>>(std::move(handler));
    try {
      begin([waiter](T value) { waiter->resume(nullptr, std::optional<T>(std::move(value))); });
    } catch (...) {
      waiter->resume(std::current_exception(), std::nullopt);
    }
  };
  std::optional<T> value = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                                void(std::exception_ptr, std::optional<T>)>(
      initiate, boost::asio::use_awaitable, std::ref(start));
  co_return std::move(*value);
}

}  // namespace groundtruth::http
