// From what a proof names to media that is known to be there, and to be what the task asks for.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/common/problem.hpp"
#include "api/worker/requests.hpp"
#include "domain/assignment.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/media_probe.hpp"

namespace groundtruth::api::worker {

// One part of a proof, before it was looked at.
struct ProofPart {
  std::string field;  // of the request, to blame it: "uploads[0]"
  ports::BlobSpec spec;
  std::optional<std::string> content;  // to be stored; nullopt: the worker has uploaded it
  bool is_text = false;                // the field `text`: nobody need look what it is
};

// The parts that a request names. Faults go to `errors`. Uploads must be announced ones of the assignment.
std::vector<ProofPart> parts_of(ProofRequest request, const domain::Assignment& assignment,
                                FieldErrors& errors);

struct VerifiedMedia {
  std::vector<domain::Media> media;
  std::optional<Problem> problem;
  std::optional<std::string> store_is_away = std::nullopt;  // and why
};
// Puts what came with the request into the store, and looks at all of it. Blocks: for a pool. Throws
// BlobStoreError and MediaProbeAway.
VerifiedMedia verify_media(ports::BlobStore& store, ports::MediaProbe& probe,
                           const std::vector<ProofPart>& parts, const std::vector<domain::Modality>& wanted,
                           const std::stop_token& stop);

}  // namespace groundtruth::api::worker
