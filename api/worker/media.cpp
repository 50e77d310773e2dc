// See media.hpp.
#include "api/worker/media.hpp"

#include <algorithm>

#include "api/common/blob_keys.hpp"
#include "api/common/data_url.hpp"
#include "api/common/json_object.hpp"
#include "journal/codec/sha256.hpp"

namespace groundtruth::api::worker {
namespace {

ProofPart part_with_content(std::string field, const domain::Assignment& assignment, std::string content_type,
                            std::string content) {
  const std::string sha256 = journal::codec::sha256_hex(content);
  ports::BlobSpec spec{blob_key(assignment.id, assignment.lease, sha256), std::move(content_type),
                       content.size(), sha256};
  return {std::move(field), std::move(spec), std::move(content), false};
}

bool is_stored(ports::BlobStore& store, const ports::BlobSpec& spec) {
  const auto stored = store.find(spec.key);
  return stored && stored->bytes == spec.bytes && stored->sha256 == spec.sha256;
}

Problem not_uploaded(const ProofPart& part) {
  std::string details;
  ObjectWriter(details).member("reason", "upload_missing").member("field", part.field).end();
  return {409, "conflict", "An upload that this proof names has not been received yet.", std::move(details)};
}

Problem wrong_kind(const ProofPart& part, const std::optional<ports::MediaFacts>& facts) {
  const std::string found = facts ? "is " + facts->content_type : "is no media that can be read";
  return wrong_field(part.field, "invalid_value", found + ", and was announced as " + part.spec.content_type);
}

Problem unwanted(const ProofPart& part, const ports::MediaFacts& facts) {
  return wrong_field(part.field, "invalid_value",
                     "is " + facts.content_type + ", which this task does not ask for");
}

}  // namespace

std::vector<ProofPart> parts_of(ProofRequest request, const domain::Assignment& assignment,
                                FieldErrors& errors) {
  std::vector<ProofPart> parts;
  if (request.uploads) {
    for (std::size_t i = 0; i < request.uploads->value.size(); ++i) {
      const std::string field = "uploads[" + std::to_string(i) + "]";
      const auto found =
          std::find_if(assignment.uploads.begin(), assignment.uploads.end(),
                       [&](const auto& upload) { return upload.upload.value == request.uploads->value[i]; });
      if (found == assignment.uploads.end()) {
        errors.push_back({field, "invalid_value", "must be an upload of yours for this task"});
        continue;
      }
      parts.push_back({field,
                       {blob_key(assignment.id, assignment.lease, found->sha256), found->content_type,
                        static_cast<std::uint64_t>(found->bytes), found->sha256},
                       std::nullopt,
                       false});
    }
  }
  if (request.data_urls) {
    for (std::size_t i = 0; i < request.data_urls->value.size(); ++i) {
      const std::string field = "data_urls[" + std::to_string(i) + "]";
      auto url = parse_data_url(request.data_urls->value[i]);
      const auto* kind = url ? ports::find_media_kind(url->content_type) : nullptr;
      if (kind == nullptr)
        errors.push_back(
            {field, "invalid_value",
             "must be a data: URL with content, of one of " + ports::taken_types(ports::kAllModalities)});
      else
        parts.push_back(
            part_with_content(field, assignment, std::string(kind->type), std::move(url->content)));
    }
  }
  if (request.text) {
    parts.push_back(part_with_content("text", assignment, "text/plain", std::move(request.text->value)));
    parts.back().is_text = true;
  }
  if (parts.empty() && errors.empty())
    errors.push_back({"", "required", "A proof needs a text, uploads or data_urls"});
  return parts;
}

VerifiedMedia verify_media(ports::BlobStore& store, ports::MediaProbe& probe,
                           const std::vector<ProofPart>& parts, const std::vector<domain::Modality>& wanted,
                           const std::stop_token& stop) {
  VerifiedMedia verified;
  const auto refuse = [&](Problem problem) {
    verified.problem = std::move(problem);
    return verified;
  };
  bool is_wanted = false;
  for (const auto& part : parts) {
    if (part.content)
      store.put(part.spec, *part.content);
    else if (!is_stored(store, part.spec))
      return refuse(not_uploaded(part));
    std::optional<ports::MediaFacts> facts;
    if (part.is_text)
      facts = ports::MediaFacts{part.spec.content_type, std::nullopt};
    else
      facts = probe.probe(store, part.spec.key, stop);
    const auto* announced = ports::find_media_kind(part.spec.content_type);
    const auto* found = facts ? ports::find_media_kind(facts->content_type) : nullptr;
    // A file's name does not say whether there are pictures in it: a container's kinds are one to announce.
    const bool fits = announced != nullptr && found != nullptr &&
                      (found->modality == announced->modality || found->container == announced->container);
    if (!fits) return refuse(wrong_kind(part, facts));
    // It is handed out as what it is, not as what it was called.
    if (part.content && facts->content_type != part.spec.content_type) {
      ports::BlobSpec spec = part.spec;
      spec.content_type = facts->content_type;
      store.put(spec, *part.content);
    }
    const bool asked = std::find(wanted.begin(), wanted.end(), found->modality) != wanted.end();
    // A text may explain whatever is brought.
    if (!asked && found->modality != domain::Modality::text) return refuse(unwanted(part, *facts));
    is_wanted = is_wanted || asked;
    verified.media.push_back({facts->content_type, static_cast<std::int64_t>(part.spec.bytes),
                              part.spec.sha256, facts->duration_ms});
  }
  if (!is_wanted)
    return refuse(wrong_field("", "required", "The proof holds nothing of what the task asks for"));
  return verified;
}

}  // namespace groundtruth::api::worker
