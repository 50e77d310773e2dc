// How many places a person may hold at a time, and how long they wait after leases that ended without work. A
// place without work is blocked for the customer until its lease ends, so both follow from the record.
//
//   at a time   `max_leases` at level 1, twice as many at each higher level; half of that below a trust of 50
//   wait        after a lease that ended without work: none for the first `free_ends` in a row, `wait_ms`
//               after the next one, twice as long after each one more, at most `max_wait_ms`. Submitted work
//               ends the row. A lease that ended because its task ended does not count
//
// A person's leases stand in the chains of the customers whose tasks they are on: what they hold is known
// from read models, and the chain of the task takes the caller's word for it, as it does for skills.
#pragma once

#include <algorithm>
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>

#include "domain/rejection.hpp"
#include "domain/values.hpp"

namespace groundtruth::domain {

struct LeaseRules {
  std::int64_t max_leases = 5;
  std::int64_t free_ends = 2;
  std::int64_t wait_ms = 60'000;
  std::int64_t max_wait_ms = 86'400'000;
};

// Of one person, by what is known.
struct LeaseRecord {
  std::int64_t held = 0;        // leases that are not over
  Timestamp first_over;         // when the first of those is; of no meaning where there is none
  std::int64_t fruitless = 0;   // leases that ended without work, since work was last submitted
  Timestamp last_fruitless_at;  // of no meaning where there is none
};

// What a person may do by that, as it comes with their command.
struct LeaseAllowance {
  std::int64_t held = 0;
  std::int64_t max_held = 0;
  Timestamp first_over;
  Timestamp not_before;  // they take no place before that

  std::optional<Rejection> refusal(Timestamp at) const {
    const auto seconds_until = [at](Timestamp then) {
      return std::max<std::int64_t>(1, (then.ms - at.ms + 999) / 1'000);
    };
    if (at < not_before)
      return Rejection{RejectionCode::must_wait, {{"retry_after_seconds", seconds_until(not_before)}}, {}};
    if (held >= max_held)
      return Rejection{
          RejectionCode::too_many_leases,
          {{"held", held}, {"max_held", max_held}, {"retry_after_seconds", seconds_until(first_over)}},
          {}};
    return std::nullopt;
  }
};
BOOST_DESCRIBE_STRUCT(LeaseAllowance, (), (held, max_held, first_over, not_before))

constexpr std::int64_t max_leases_of(const LeaseRules& rules, std::int64_t level, std::int64_t trust) {
  const auto by_level = rules.max_leases << std::clamp<std::int64_t>(level - 1, 0, 4);
  return std::max<std::int64_t>(1, trust < 50 ? by_level / 2 : by_level);
}

constexpr std::int64_t wait_ms_after(const LeaseRules& rules, std::int64_t fruitless) {
  const auto counted = fruitless - rules.free_ends;
  if (counted <= 0) return 0;
  auto wait_ms = std::min(rules.wait_ms, rules.max_wait_ms);
  for (auto i = counted; i > 1 && wait_ms < rules.max_wait_ms; --i)
    wait_ms = std::min(2 * wait_ms, rules.max_wait_ms);
  return wait_ms;
}

constexpr LeaseAllowance allowance_of(const LeaseRules& rules, std::int64_t level, std::int64_t trust,
                                      const LeaseRecord& record) {
  const auto wait_ms = wait_ms_after(rules, record.fruitless);
  return {record.held, max_leases_of(rules, level, trust), record.first_over,
          wait_ms == 0 ? Timestamp{} : Timestamp{record.last_fruitless_at.ms + wait_ms}};
}

}  // namespace groundtruth::domain
