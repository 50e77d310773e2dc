// JSON to values: the same types as json_writer.hpp, read strictly and with every wrong field named at once
// (CONTRACTS, "Requests"). Journal data and requests go through the same reader.
#pragma once

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ids.hpp"
#include "domain/values.hpp"
#include "journal/codec/describe.hpp"
#include "journal/codec/fields.hpp"
#include "journal/codec/json_view.hpp"

namespace groundtruth::journal::codec {

// One wrong field. `code` is one of: required, unknown_field, duplicate_field, invalid_type, out_of_range,
// too_long, too_short, invalid_value, duplicate_item. `path` is like `modalities[2]`, "" for the document.
// The message continues a sentence that begins with the field's name.
struct FieldError {
  std::string path;
  std::string code;
  std::string message;
  friend bool operator==(const FieldError&, const FieldError&) = default;
};
BOOST_DESCRIBE_STRUCT(FieldError, (), (path, code, message))

// An answer names at most so many wrong fields, and of an overlong name only its beginning: what is sent back
// stays small, whatever came in.
inline constexpr std::size_t kMaxFieldErrors = 100;
inline constexpr std::size_t kMaxNameBytes = 100;

// Either a value, or not JSON at all, or JSON with wrong fields.
template <class T>
struct DecodeResult {
  std::optional<T> value;
  std::optional<NotJson> not_json;
  std::vector<FieldError> errors;
  explicit operator bool() const { return value.has_value(); }
};

// A part of a document that is looked at later: reads as the node itself, valid while the document lives.
struct JsonPart {
  const JsonNode* node = nullptr;
};

// A sealed value that does not open, or not to a value of the field's type.
struct BadSealedValue : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Opens what a Sealer made. nullopt: the owner's key is gone, and the field reads as its default. Throws
// BadSealedValue when the box does not open.
class Opener {
 public:
  virtual ~Opener() = default;
  virtual std::optional<std::string> open(const JsonDocument& document, const JsonNode* sealed,
                                          std::string_view field) = 0;
};

namespace detail {

// Where the reader is; on the stack, and made into text only for an error.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;  // of a member
  std::size_t index = 0;  // of an item, where the name is empty
  bool is_item = false;
};

class Reader;

template <class T, class D>
void read_member(Reader& reader, const JsonNode* node, T& object, const Path& path);

template <class T>
using ReadMember = void (*)(Reader&, const JsonNode*, T&, const Path&);
template <class T>
inline constexpr auto kReadMember = []<class... D>(boost::mp11::mp_list<D...>) {
  return std::array<ReadMember<T>, sizeof...(D)>{&read_member<T, D>...};
}(boost::mp11::mp_rename<Members<T>, boost::mp11::mp_list>{});

template <class T>
inline constexpr auto kOptionalMember = []<class... D>(boost::mp11::mp_list<D...>) {
  return std::array<bool, sizeof...(D)>{
      kMayBeAbsent<std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>>...};
}(boost::mp11::mp_rename<Members<T>, boost::mp11::mp_list>{});

class Reader {
 public:
  Reader(const JsonDocument& document, std::vector<FieldError>& errors, Opener* opener = nullptr)
      : document_(document), errors_(errors), opener_(opener) {}

  void read(const JsonNode* node, bool& out, const Path& path);
  void read(const JsonNode* node, double& out, const Path& path);
  void read(const JsonNode* node, std::string& out, const Path& path);
  void read(const JsonNode* node, domain::Timestamp& out, const Path& path);
  void read(const JsonNode* node, domain::JsonObject& out, const Path& path);

  void read(const JsonNode* node, JsonPart& out, const Path&) { out.node = node; }
  void read(const JsonNode* node, domain::Cents& out, const Path& path) { read(node, out.value, path); }
  void read(const JsonNode* node, SecondsTime& out, const Path& path) { read(node, out.value, path); }

  template <Int N>
  void read(const JsonNode* node, N& out, const Path& path) {
    using Limits = std::numeric_limits<N>;
    constexpr auto low =
        std::cmp_less(Limits::min(), -kMaxInteger) ? -kMaxInteger : static_cast<std::int64_t>(Limits::min());
    constexpr auto high =
        std::cmp_greater(Limits::max(), kMaxInteger) ? kMaxInteger : static_cast<std::int64_t>(Limits::max());
    if (const auto value = integer(node, low, high, path)) out = static_cast<N>(*value);
  }

  template <class Tag>
  void read(const JsonNode* node, domain::Id<Tag>& out, const Path& path) {
    read(node, out.value, path);
  }

  template <DescribedEnum E>
  void read(const JsonNode* node, E& out, const Path& path) {
    if (node->kind != JsonKind::string) return wrong_type(path, "a string");
    for (const auto& enumerator : kEnumerators<E>)
      if (enumerator.name == node->string()) {
        out = enumerator.value;
        return;
      }
    std::string names;
    for (const auto& enumerator : kEnumerators<E>) {
      if (!names.empty()) names += ", ";
      names += enumerator.name;
    }
    fail(path, "invalid_value", "must be one of " + names);
  }

  template <class T>
  void read(const JsonNode* node, std::vector<T>& out, const Path& path) {
    if (node->kind != JsonKind::array) return wrong_type(path, "an array");
    out.clear();
    out.reserve(std::min<std::size_t>(node->count, kReserveItems));
    std::size_t index = 0;
    for (auto item = node->first(), end = node->next(); item != end; item = item->next()) {
      T value{};
      read(item, value, Path{&path, {}, index++, true});
      out.push_back(std::move(value));
    }
  }

  template <class T>
  void read(const JsonNode* node, std::map<std::string, T>& out, const Path& path) {
    if (node->kind != JsonKind::object) return wrong_type(path, "an object");
    out.clear();
    for (auto key = node->first(), end = node->next(); key != end; key = key->next()->next()) {
      const Path at{&path, key->string(), 0, false};
      std::string name;
      read(key, name, at);
      const auto [place, is_new] = out.try_emplace(std::move(name));
      if (is_new)
        read(key->next(), place->second, at);
      else
        duplicate(at);
    }
  }

  template <class T>
  void read(const JsonNode* node, std::optional<T>& out, const Path& path) {
    read(node, out.emplace(), path);
  }

  template <class T>
  void read(const JsonNode* node, Nullable<T>& out, const Path& path) {
    out.value.reset();
    if (node->kind != JsonKind::null) read(node, out.value, path);
  }

  template <class T>
  void read(const JsonNode* node, domain::Sealed<T>& out, const Path& path);

  // A list or a text that is too long is not made at all.
  template <CheckedField T>
  void read(const JsonNode* node, T& out, const Path& path) {
    if constexpr (requires { T::kMaxItems; }) {
      if (node->kind == JsonKind::array && node->count > T::kMaxItems)
        return fail_too_long(path, node->count, T::kMaxItems, "item");
    }
    if constexpr (requires { T::kMaxCharacters; }) {
      if (node->kind == JsonKind::string && node->size > kMaxUtf8Bytes * T::kMaxCharacters)
        return fail_too_long(path, node->size / kMaxUtf8Bytes, T::kMaxCharacters, "character");
    }
    const auto errors_before = error_count_;
    read(node, out.value, path);
    if (error_count_ != errors_before) return;
    if (auto problem = T::check(out.value)) {
      if (problem->item)
        fail(Path{&path, {}, *problem->item, true}, std::move(problem->code), std::move(problem->message));
      else
        fail(path, std::move(problem->code), std::move(problem->message));
    }
  }

  template <DescribedStruct T>
  void read(const JsonNode* node, T& out, const Path& path) {
    if (node->kind != JsonKind::object) return wrong_type(path, "an object");
    constexpr std::size_t count = kMemberCount<T>;
    std::array<bool, count> seen{};
    std::size_t expected = 0;  // members mostly come in their own order
    for (auto key = node->first(), end = node->next(); key != end; key = key->next()->next()) {
      const Path at{&path, key->string(), 0, false};
      const std::size_t which = find_member<T>(key->string(), expected);
      if (which == count) {
        fail(at, "unknown_field", "is not a known field");
      } else if (seen[which]) {
        duplicate(at);
      } else {
        seen[which] = true;
        expected = which + 1;
        kReadMember<T>[which](*this, key->next(), out, at);
      }
    }
    for (std::size_t i = 0; i < count; ++i)
      if (!seen[i] && !kOptionalMember<T>[i])
        fail(Path{&path, kMemberNames<T>[i], 0, false}, "required", "is required");
  }

  void fail(const Path& path, std::string code, std::string message);

 private:
  static constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
  static constexpr std::size_t kReserveItems = 64;
  static constexpr std::size_t kMaxUtf8Bytes = 4;  // of a character

  std::optional<std::int64_t> integer(const JsonNode* node, std::int64_t low, std::int64_t high,
                                      const Path& path);
  void wrong_type(const Path& path, std::string_view wanted);
  void fail_too_long(const Path& path, std::size_t at_least, std::size_t max, std::string_view unit);
  void duplicate(const Path& path);
  void check_raw(const JsonNode* node, const Path& path);

  template <class T>
  static std::size_t find_member(std::string_view name, std::size_t expected) {
    constexpr const auto& names = kMemberNames<T>;
    if (expected < names.size() && names[expected] == name) return expected;
    std::size_t i = 0;
    while (i < names.size() && names[i] != name) ++i;
    return i;
  }

  const JsonDocument& document_;
  std::vector<FieldError>& errors_;
  std::size_t error_count_ = 0;  // also those that are no longer listed
  Opener* opener_;
};

template <class T, class D>
void read_member(Reader& reader, const JsonNode* node, T& object, const Path& path) {
  reader.read(node, object.*D::pointer, path);
}

[[noreturn]] void throw_sealed_outside_event();
[[noreturn]] void throw_bad_plain_text(std::string_view field);

template <class T>
void Reader::read(const JsonNode* node, domain::Sealed<T>& out, const Path& path) {
  if (opener_ == nullptr || path.parent == nullptr || path.parent->parent != nullptr)
    throw_sealed_outside_event();
  const auto plain = opener_->open(document_, node, path.name);
  out.value = T{};
  if (!plain) return;
  const JsonDocument inner(*plain, kStoredLimits);
  std::vector<FieldError> errors;
  if (!inner.error()) Reader(inner, errors).read(inner.root(), out.value, Path{});
  if (inner.error() || !errors.empty()) throw_bad_plain_text(path.name);
}

}  // namespace detail

// Reads one node of a document into `out`, adding to `errors` what is wrong below it.
template <class T>
void read_json(const JsonDocument& document, const JsonNode* node, T& out, std::vector<FieldError>& errors,
               Opener* opener = nullptr) {
  detail::Reader(document, errors, opener).read(node, out, detail::Path{});
}

template <class T>
DecodeResult<T> decode_json(std::string_view text, JsonLimits limits = kRequestLimits) {
  DecodeResult<T> result;
  const JsonDocument document(text, limits);
  if (document.error()) {
    result.not_json = document.error();
    return result;
  }
  T value{};
  read_json(document, document.root(), value, result.errors);
  if (result.errors.empty()) result.value = std::move(value);
  return result;
}

}  // namespace groundtruth::journal::codec
