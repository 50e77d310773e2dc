// What deciding a command gives: events to append, or the reason why not.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "domain/rejection.hpp"
#include "domain/values.hpp"

namespace groundtruth::domain {

// Events with the streams they belong to, or a rejection. `Event` is the variant of domain/event.hpp;
// aggregates build results from their own event types and need not know it.
template <class Event>
class BasicDecision {
 public:
  struct Entry {
    std::string stream;
    Event event;
  };

  BasicDecision() = default;  // accepted, nothing to do
  BasicDecision(Rejection rejection)
      : outcome_(std::move(rejection)) {}  // NOLINT(google-explicit-constructor)

  template <class Tag, class E>
  BasicDecision& add(const Tag& stream, E event) {
    std::get<std::vector<Entry>>(outcome_).push_back(Entry{stream.value, Event{std::move(event)}});
    return *this;
  }

  const Rejection* rejection() const { return std::get_if<Rejection>(&outcome_); }
  const std::vector<Entry>& events() const { return std::get<std::vector<Entry>>(outcome_); }
  std::vector<Entry>& events() { return std::get<std::vector<Entry>>(outcome_); }

 private:
  std::variant<std::vector<Entry>, Rejection> outcome_;
};

inline Rejection reject(RejectionCode code) {
  return {code, {}, {}};
}

// With the time that was compared with: that of the chain, which a clock that was once ahead leaves ahead.
inline Rejection in_past(RejectionCode code, Timestamp at) {
  return {code, {}, {{"now", to_rfc3339_s(at)}}};
}

}  // namespace groundtruth::domain
