// See data_url.hpp.
#include "api/common/data_url.hpp"

#include <algorithm>
#include <utility>

#include "journal/codec/base64.hpp"

namespace groundtruth::api {

std::optional<DataUrl> parse_data_url(std::string_view text) {
  constexpr std::string_view scheme = "data:", encoding = ";base64";
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  auto head = text.substr(0, comma);
  text.remove_prefix(comma + 1);
  if (!head.ends_with(encoding)) return std::nullopt;
  head = head.substr(0, head.find(';'));

  DataUrl url;
  url.content_type = head;
  std::transform(url.content_type.begin(), url.content_type.end(), url.content_type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  auto content = journal::codec::from_base64(text);
  if (!content || content->empty()) return std::nullopt;
  url.content = std::move(*content);
  return url;
}

}  // namespace groundtruth::api
