// A small server for the tests: one surface whose routes show each thing that the server promises.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/http/async.hpp"
#include "api/http/server.hpp"

namespace groundtruth::http {

// What the tests' handlers leave behind, and the callbacks that wait for a test to call them.
class Stage {
 public:
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(line));
    changed_.notify_all();
  }
  void park(std::function<void(std::string)> callback) {
    const std::lock_guard lock(mutex_);
    parked_.push_back(std::move(callback));
    changed_.notify_all();
  }
  // Waits until a handler has parked its callback, and takes it.
  std::function<void(std::string)> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !parked_.empty(); })) return {};
    auto callback = std::move(parked_.front());
    parked_.erase(parked_.begin());
    return callback;
  }
  bool wait_for_note(const std::string& line) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return std::find(notes_.begin(), notes_.end(), line) != notes_.end(); });
  }
  std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
  std::vector<std::function<void(std::string)>> parked_;
};

// A request as bytes; `extra` are whole lines of its head.
inline std::string get(const std::string& target, const std::string& extra = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + extra + "\r\n";
}

// What reads and writes in pieces (house_streams.cpp).
std::vector<Route> stream_routes(const std::shared_ptr<Stage>& stage);

// The server on a free port, with `Stage` shared by its handlers.
class House {
 public:
  explicit House(ServerOptions options = {});
  ~House();

  std::uint16_t port() const { return server->port(); }

  std::shared_ptr<Stage> stage = std::make_shared<Stage>();
  std::unique_ptr<Server> server;
};

}  // namespace groundtruth::http
