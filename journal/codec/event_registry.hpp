// Which events there are, by type name and schema number: derived from the variant of events, and from the
// upcasters that turn what older programs wrote into today's events.
//
// An upcaster is a type of its own:
//   struct TaskFundedV1To2 {
//     using From = TaskFundedV1;  // described, with kType and kSchema of then
//     static TaskFunded upcast(From event);  // to the next schema: an event of today, or another From
//   };
#pragma once

#include <boost/mp11.hpp>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/past_events.hpp"

namespace groundtruth::journal::codec {

template <class... Upcaster>
struct Upcasters {};

// The project's own, oldest first.
using EventUpcasters =
    Upcasters<TaskCreatedV1To2, LeaseGrantedV1To2, UploadAnnouncedV1To2, TaskCreatedV2To3, WalletPostedV1To2,
              WorkSettledV1To2, WorkerRegisteredV1To2, WorkerProfileChangedV1To2>;

enum class EventLookup : std::uint8_t { found, unknown_type, unknown_schema };

namespace detail {

template <class Variant, class E>
inline constexpr bool kIsCurrent = boost::mp11::mp_contains<Variant, E>::value;

template <class Variant, class... U, class E>
Variant to_current(Upcasters<U...> upcasters, E event) {
  if constexpr (kIsCurrent<Variant, E>) {
    return Variant{std::move(event)};
  } else {
    using Next = boost::mp11::mp_front<boost::mp11::mp_append<std::conditional_t<
        std::is_same_v<typename U::From, E>, boost::mp11::mp_list<U>, boost::mp11::mp_list<>>...>>;
    return to_current<Variant>(upcasters, Next::upcast(std::move(event)));
  }
}

}  // namespace detail

// Reads `data` as the event of that type and schema into `out`, brought up to today's schema.
template <class Variant, class... U>
EventLookup read_event(Upcasters<U...> upcasters, std::string_view type, int schema,
                       const JsonDocument& document, const JsonNode* data, Variant& out,
                       std::vector<FieldError>& errors, Opener* opener = nullptr) {
  auto result = EventLookup::unknown_type;
  const auto consider = [&]<class E>(std::type_identity<E>) {
    if (result == EventLookup::found || E::kType != type) return;
    result = EventLookup::unknown_schema;
    if (E::kSchema != schema) return;
    result = EventLookup::found;
    E event{};
    read_json(document, data, event, errors, opener);
    if (errors.empty()) out = detail::to_current<Variant>(upcasters, std::move(event));
  };
  [&]<class... E>(std::type_identity<std::variant<E...>>) {
    (consider(std::type_identity<E>{}), ...);
  }(std::type_identity<Variant>{});
  (consider(std::type_identity<typename U::From>{}), ...);
  return result;
}

}  // namespace groundtruth::journal::codec
