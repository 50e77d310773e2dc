// The caller's own things by their ids. What is another's looks as if it were not there.
#pragma once

#include <optional>
#include <string_view>

#include "api/groundtruth/guard.hpp"
#include "api/groundtruth/services.hpp"

namespace groundtruth::api::groundtruth {

inline constexpr std::string_view kTaskPrefix = "tsk_";
inline constexpr std::string_view kSubmissionPrefix = "sub_";

// An id that cannot belong to the caller is not looked up: all that an account owns has the account's bucket.
bool may_own(const Caller& caller, std::string_view id, std::string_view prefix);

// Null and nullopt: there is none such of the caller's.
projections::TaskCache::Row find_task(const Services& services, const Caller& caller, std::string_view id);
std::optional<domain::Assignment> find_submission(const Services& services, const Caller& caller,
                                                  std::string_view id);

}  // namespace groundtruth::api::groundtruth
