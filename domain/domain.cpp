// The variants' dispatch (domain/domain.hpp).
#include "domain/domain.hpp"

namespace groundtruth::domain {

bool evolve(Aggregate& state, const Event& event, Timestamp at) {
  return std::visit(
      [at](auto& s, const auto& e) {
        if constexpr (EvolvesBy<std::remove_reference_t<decltype(s)>, std::remove_cvref_t<decltype(e)>>) {
          evolve(s, e, at);
          return true;
        } else {
          return false;
        }
      },
      state, event);
}

namespace {

template <class E, class... States>
std::optional<Aggregate> owner_of(const E&, const std::variant<States...>*) {
  std::optional<Aggregate> result;
  const auto try_one = [&]<class S>(S state) {
    if constexpr (EvolvesBy<S, E>) result = std::move(state);
  };
  (try_one(States{}), ...);
  return result;
}

}  // namespace

std::optional<Aggregate> aggregate_for(const Event& event) {
  return std::visit([](const auto& e) { return owner_of(e, static_cast<const Aggregate*>(nullptr)); }, event);
}

std::string_view name_of(const Command& command) {
  return std::visit([](const auto& c) { return std::remove_cvref_t<decltype(c)>::kName; }, command);
}

std::optional<std::string> erased_owner(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<std::string> {
        if constexpr (requires { e.erased_owner(); })
          return e.erased_owner();
        else
          return std::nullopt;
      },
      event);
}

}  // namespace groundtruth::domain
