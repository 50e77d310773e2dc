// What a customer's decision about a submission means to the worker: the effects of the relay "settle".
#pragma once

#include <optional>

#include "workers/relay/relay.hpp"

namespace groundtruth::workers {

inline constexpr const char* kSettleRelay = "settle";
// In every record that has such an effect.
std::vector<std::string> settle_markers();
std::optional<Effect> settle_effect(const domain::Event& event);

}  // namespace groundtruth::workers
