// Values to JSON: one writer for events, aggregate states and API answers, driven by Boost.Describe.
//
// Members stand in the order of BOOST_DESCRIBE_STRUCT. An empty std::optional member is left out; an empty
// Nullable is null. Strings are UTF-8 already: the reader let nothing else in.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"
#include "domain/values.hpp"
#include "journal/codec/describe.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::journal::codec {

// Turns the JSON of a sealed field into what stands in the journal. `field` is the member's name in its
// event.
class Sealer {
 public:
  virtual ~Sealer() = default;
  virtual void seal(std::string& out, std::string_view field, std::string_view plain) = 0;
};

void append_string(std::string& out, std::string_view text);  // quoted and escaped

namespace detail {

void append_double(std::string& out, double number);  // throws std::invalid_argument: NaN, infinity

template <Int N>
void append_integer(std::string& out, N number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

template <class T>
inline constexpr bool kIsSealed = kIs<T, domain::Sealed>;
template <class T>
inline constexpr bool kIsSealed<std::optional<T>> = kIsSealed<T>;

// `"name":` and `,"name":`, made by the compiler.
template <class Descriptor>
inline constexpr auto kMemberHead = [] {
  constexpr std::size_t length = std::char_traits<char>::length(Descriptor::name);
  std::array<char, length + 4> head{};
  head[0] = ',';
  head[1] = '"';
  for (std::size_t i = 0; i < length; ++i) head[i + 2] = Descriptor::name[i];
  head[length + 2] = '"';
  head[length + 3] = ':';
  return head;
}();

class Writer {
 public:
  Writer(std::string& out, Sealer* sealer) : out_(out), sealer_(sealer) {}

  void write(bool value) { out_ += value ? "true" : "false"; }
  void write(double value) { append_double(out_, value); }
  void write(const std::string& value) { append_string(out_, value); }
  void write(std::string_view value) { append_string(out_, value); }
  void write(const char* value) { append_string(out_, value); }
  void write(domain::Cents value) { append_integer(out_, value.value); }
  void write(domain::Timestamp value) { quoted(domain::to_rfc3339_ms(value)); }
  void write(SecondsTime value) { quoted(domain::to_rfc3339_s(value.value)); }
  void write(const domain::JsonObject& value) { out_ += value.text; }

  template <Int N>
  void write(N value) {
    append_integer(out_, value);
  }

  template <class Tag>
  void write(const domain::Id<Tag>& id) {
    append_string(out_, id.value);
  }

  template <DescribedEnum E>
  void write(E value) {
    for (const auto& enumerator : kEnumerators<E>)
      if (enumerator.value == value) return quoted(enumerator.name);
    throw std::invalid_argument("an enumeration holds a value without a name");
  }

  template <class T>
  void write(const std::vector<T>& items) {
    out_ += '[';
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      write(item);
    }
    out_ += ']';
  }

  template <class T>
  void write(const std::map<std::string, T>& members) {
    out_ += '{';
    bool first = true;
    for (const auto& [name, value] : members) {
      if (!first) out_ += ',';
      first = false;
      append_string(out_, name);
      out_ += ':';
      write(value);
    }
    out_ += '}';
  }

  // Outside of members, where it cannot be left out, an empty optional is null.
  template <class T>
  void write(const std::optional<T>& value) {
    if (value)
      write(*value);
    else
      out_ += "null";
  }

  template <class T>
  void write(const Nullable<T>& nullable) {
    write(nullable.value);
  }

  template <class T>
  void write(const domain::Sealed<T>& sealed) {
    if (sealer_ == nullptr || field_.empty())
      throw std::logic_error("a sealed value can stand only in an event's own members");
    std::string plain;
    Writer(plain, nullptr).write(sealed.value);
    sealer_->seal(out_, field_, plain);
  }

  template <CheckedField T>
  void write(const T& field) {
    write(field.value);
  }

  template <DescribedStruct T>
  void write(const T& value) {
    ++depth_;
    out_ += '{';
    bool first = true;
    boost::mp11::mp_for_each<Members<T>>(
        [&](auto descriptor) { member<decltype(descriptor)>(value, first); });
    out_ += '}';
    --depth_;
  }

 private:
  template <class D, class T>
  void member(const T& object, bool& first) {
    const auto& value = object.*D::pointer;
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (kIsOptional<Value>)
      if (!value) return;
    const auto& head = kMemberHead<D>;
    out_.append(head.data() + (first ? 1 : 0), head.size() - (first ? 1 : 0));
    first = false;
    if constexpr (kIsSealed<Value>) field_ = depth_ == 1 ? D::name : "";
    if constexpr (kIsOptional<Value>)
      write(*value);
    else
      write(value);
  }

  void quoted(std::string_view plain) {
    out_ += '"';
    out_ += plain;
    out_ += '"';
  }

  std::string& out_;
  Sealer* sealer_;
  std::string_view field_;
  int depth_ = 0;
};

}  // namespace detail

// Appends. Throws std::invalid_argument for what JSON cannot say: NaN, an enumeration out of its names.
template <class T>
void write_json(std::string& out, const T& value, Sealer* sealer = nullptr) {
  detail::Writer(out, sealer).write(value);
}

template <class T>
std::string to_json(const T& value) {
  std::string out;
  write_json(out, value);
  return out;
}

}  // namespace groundtruth::journal::codec
