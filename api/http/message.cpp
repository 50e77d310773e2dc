// Look-ups on messages.
#include "api/http/message.hpp"

#include <algorithm>

namespace groundtruth::http {

namespace {

constexpr std::size_t kSpareFieldBytes = 512;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
  }
  return "";
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void Headers::add(std::string_view name, std::string_view value) {
  if (size_ == fields_.size()) {
    fields_.emplace_back(name, value);
  } else {
    fields_[size_].first.assign(name);
    fields_[size_].second.assign(value);
  }
  ++size_;
}

void Headers::set(std::string_view name, std::string_view value) {
  const std::string kept_name(name), kept_value(value);  // the views may be into a field that goes
  fields_.resize(size_);
  std::erase_if(fields_, [&](const Field& field) { return equals_ignoring_case(field.first, kept_name); });
  size_ = fields_.size();
  add(kept_name, kept_value);
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Field& field : *this) {
    if (equals_ignoring_case(field.first, name)) return field.second;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      begin(), end(), [&](const Field& field) { return equals_ignoring_case(field.first, name); }));
}

void Headers::clear() {
  for (std::size_t i = 0; i < size_; ++i) {
    if (fields_[i].second.capacity() > kSpareFieldBytes) std::string().swap(fields_[i].second);
    if (fields_[i].first.capacity() > kSpareFieldBytes) std::string().swap(fields_[i].first);
  }
  size_ = 0;
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

}  // namespace groundtruth::http
