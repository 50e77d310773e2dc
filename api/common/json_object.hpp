// Writes one JSON object member by member, where an answer is put together from more than one value.
#pragma once

#include <string>
#include <string_view>

#include "journal/codec/json_writer.hpp"

namespace groundtruth::api {

// Names are written as they are: literals of ours that need no escaping.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  template <class T>
  ObjectWriter& member(std::string_view name, const T& value) {
    head(name);
    journal::codec::write_json(out_, value);
    return *this;
  }
  // `json` is JSON already.
  ObjectWriter& raw(std::string_view name, std::string_view json) {
    head(name);
    out_ += json;
    return *this;
  }
  // The caller appends the value to the same string.
  void head(std::string_view name) {
    if (!is_first_) out_ += ',';
    is_first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool is_first_ = true;
};

}  // namespace groundtruth::api
