// Reads the operator API's streamed answers: lines of progress, then a result or an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/ops_client.hpp"
#include "app/terminal.hpp"

namespace groundtruth::app {

class ResultStream {
 public:
  explicit ResultStream(ProgressBar& bar) : bar_(bar) {}

  void feed(std::string_view bytes);  // throws CommandError (`failed`) with the server's error line

  // The result's JSON. Throws CommandError (`failed`) when the stream ended without one.
  std::string result() const;

 private:
  void take(std::string_view line);

  ProgressBar& bar_;
  std::string pending_;
  std::optional<std::string> result_;
};

// POSTs, shows the progress, returns the result's JSON.
std::string run_streamed(HttpClient& server, const std::string& path, const std::string& label);

}  // namespace groundtruth::app
