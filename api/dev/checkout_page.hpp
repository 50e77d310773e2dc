// What the local checkout looks like: plain HTML without script, from a task to bytes.
#pragma once

#include <string>
#include <string_view>

#include "domain/task.hpp"

namespace groundtruth::api::dev {

// `form_token` goes with the form's buttons. `notice` is a sentence of ours above the rest, e.g. why a
// payment was refused; "" for none.
std::string checkout_page(const domain::Task& task, std::string_view form_token, std::string_view notice);
std::string message_page(std::string_view title, std::string_view message);

extern const std::string_view kCheckoutStyle;  // served as /dev/checkout.css

}  // namespace groundtruth::api::dev
