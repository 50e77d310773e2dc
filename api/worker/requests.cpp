// See requests.hpp.
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {

std::optional<domain::Modality> modality_of(std::string_view content_type) {
  const bool is_token = std::all_of(content_type.begin(), content_type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '+' || c == '-';
  });
  if (!is_token) return std::nullopt;
  if (content_type == "text/plain") return domain::Modality::text;
  const auto slash = content_type.find('/');
  if (slash == std::string_view::npos || slash + 1 == content_type.size()) return std::nullopt;
  const auto family = content_type.substr(0, slash);
  if (family == "video") return domain::Modality::video;
  if (family == "audio") return domain::Modality::audio;
  if (family == "image") return domain::Modality::image;
  return std::nullopt;
}

std::optional<codec::FieldProblem> MediaTypeField::check(const std::string& type) {
  if (type.size() <= 100 && modality_of(type)) return std::nullopt;
  return codec::FieldProblem{
      "invalid_value", "must be a type of video, audio or image, or text/plain, without parameters", {}};
}

}  // namespace groundtruth::api::worker
