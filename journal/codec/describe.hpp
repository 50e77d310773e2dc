// What the reader and the writer ask of Boost.Describe: the members and names of a type, at compile time.
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

#include "journal/codec/fields.hpp"

namespace groundtruth::journal::codec::detail {

template <class T>
concept DescribedStruct = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;

template <class T>
inline constexpr std::size_t kMemberCount = boost::mp11::mp_size<Members<T>>::value;

template <class T>
inline constexpr auto kMemberNames = []<class... D>(boost::mp11::mp_list<D...>) {
  return std::array<std::string_view, sizeof...(D)>{std::string_view(D::name)...};
}(boost::mp11::mp_rename<Members<T>, boost::mp11::mp_list>{});

template <class E>
struct Enumerator {
  E value;
  std::string_view name;
};
template <class E>
inline constexpr auto kEnumerators = []<class... D>(boost::mp11::mp_list<D...>) {
  return std::array<Enumerator<E>, sizeof...(D)>{Enumerator<E>{D::value, std::string_view(D::name)}...};
}(boost::mp11::mp_rename<boost::describe::describe_enumerators<E>, boost::mp11::mp_list>{});

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
inline constexpr bool kIsNullable = false;
template <class T>
inline constexpr bool kIsNullable<Nullable<T>> = true;

// May be absent in what is read.
template <class T>
inline constexpr bool kMayBeAbsent = kIsOptional<T> || kIsNullable<T>;

template <class T, template <class...> class Template>
inline constexpr bool kIs = false;
template <template <class...> class Template, class... Args>
inline constexpr bool kIs<Template<Args...>, Template> = true;

template <class T>
concept Int = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

}  // namespace groundtruth::journal::codec::detail
