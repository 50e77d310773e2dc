// See requests.hpp.
#include "api/worker/requests.hpp"

#include "api/http/message.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kUnknownType = "application/octet-stream";

std::string must_be_one_of(const std::vector<domain::Modality>& modalities) {
  return "must be one of " + ports::taken_types(modalities);
}

}  // namespace

const ports::MediaKind* kind_of_type(std::string_view content_type) {
  const auto semicolon = content_type.find(';');
  const auto* kind = ports::find_media_kind(http::trim(content_type.substr(0, semicolon)));
  if (kind == nullptr || semicolon == std::string_view::npos) return kind;
  const auto parameter = content_type.substr(semicolon + 1);
  const auto name = http::trim(parameter.substr(0, parameter.find('=')));
  const bool is_text = kind->modality == domain::Modality::text;
  return http::equals_ignoring_case(name, is_text ? "charset" : "codecs") ? kind : nullptr;
}

std::optional<codec::FieldProblem> MediaTypeField::check(const std::string& type) {
  const bool is_printable =
      std::all_of(type.begin(), type.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (type.size() <= 100 && is_printable && (type == kUnknownType || kind_of_type(type) != nullptr))
    return std::nullopt;
  return codec::FieldProblem{
      "invalid_value",
      must_be_one_of(ports::kAllModalities) + "; or " + std::string(kUnknownType) + " with a filename",
      {}};
}

const ports::MediaKind* kind_of_upload(const UploadRequest& upload,
                                       const std::vector<domain::Modality>& wanted, FieldErrors& errors) {
  const std::string extension = upload.filename ? ports::extension_of(upload.filename->value) : std::string();
  const auto* named = ports::kind_of_extension(extension);
  const bool is_refused = ports::detail::has_word(ports::kRefusedExtensions, extension) ||
                          (named != nullptr && !ports::may_hold(*named, wanted));
  if (is_refused)
    errors.push_back(
        {"filename", "invalid_value",
         "is the name of a kind that is not taken for this task; the content " + must_be_one_of(wanted)});
  const auto* kind =
      upload.content_type.value == kUnknownType ? named : kind_of_type(upload.content_type.value);
  if (kind == nullptr || !ports::may_hold(*kind, wanted)) {
    errors.push_back({"content_type", "invalid_value", must_be_one_of(wanted)});
    return nullptr;
  }
  return is_refused ? nullptr : kind;
}

}  // namespace groundtruth::api::worker
