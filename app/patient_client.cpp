// See patient_client.hpp.
#include "app/patient_client.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "domain/ids.hpp"
#include "journal/ports.hpp"

namespace groundtruth::app {
namespace {

constexpr std::chrono::minutes kPatience{1};
constexpr std::chrono::milliseconds kPause{250};
constexpr long kBadGateway = 502, kUnavailable = 503, kGatewayTimeout = 504;

bool is_for_later(const HttpAnswer& answer) {
  return answer.status == kBadGateway || answer.status == kUnavailable || answer.status == kGatewayTimeout;
}

std::string new_key() {
  auto& clock = journal::system_clock();
  return domain::new_id<domain::CommandId>("demo_", clock.now(), domain::Bucket{0},
                                           journal::system_randomness().bits())
      .value;
}

}  // namespace

HttpAnswer PatientClient::send(HttpClient::Call call) {
  constexpr std::string_view kKey = "Idempotency-Key:";
  const bool has_key = std::any_of(call.headers.begin(), call.headers.end(),
                                   [&](const std::string& header) { return header.starts_with(kKey); });
  if (call.method == "POST" && call.path.starts_with("/api/") && !has_key)
    call.headers.push_back(std::string(kKey) + " " + new_key());
  if (!seen_->empty()) call.headers.push_back("Journal-Position: " + *seen_);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    std::optional<HttpAnswer> answer;
    try {
      answer = client_.send(call);
    } catch (const CommandError&) {
      if (std::chrono::steady_clock::now() >= end) throw;
    }
    if (answer && (!is_for_later(*answer) || std::chrono::steady_clock::now() >= end)) {
      if (const auto position = answer->header("journal-position"); !position.empty()) *seen_ = position;
      return std::move(*answer);
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace groundtruth::app
