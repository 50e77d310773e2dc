// What clients of this surface may send: types that carry their rules (CONTRACTS, "groundtruth"; OpenAPI
// "…Create").
#pragma once

#include <boost/describe.hpp>
#include <optional>

#include "api/common/location.hpp"
#include "domain/api_key.hpp"
#include "domain/task.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::api::groundtruth {

namespace codec = journal::codec;

struct CreateTaskRequest {
  codec::Text<1, 200> title;
  codec::Text<1, 10'000> instructions;
  codec::UniqueList<domain::Modality, 1, 4> modalities;
  codec::CentsBetween<1, 1'000'000> reward_cents;
  codec::Integer<1, 100'000> target_submissions;
  codec::Nullable<domain::Timestamp> deadline;
  std::optional<RequirementsField> requirements;
  std::optional<codec::JsonObjectMax<16 * 1024>> metadata;
};
BOOST_DESCRIBE_STRUCT(CreateTaskRequest, (),
                      (title, instructions, modalities, reward_cents, target_submissions, deadline,
                       requirements, metadata))

struct RejectSubmissionRequest {
  codec::Text<1, 1'000> reason;
};
BOOST_DESCRIBE_STRUCT(RejectSubmissionRequest, (), (reason))

struct CreateApiKeyRequest {
  codec::Text<1, 100> name;
  codec::UniqueList<domain::Scope, 1, 3> scopes;
  codec::Nullable<domain::Timestamp> expires_at;
};
BOOST_DESCRIBE_STRUCT(CreateApiKeyRequest, (), (name, scopes, expires_at))

// `{}`: what operations take that need to know nothing more.
struct EmptyRequest {};
BOOST_DESCRIBE_STRUCT(EmptyRequest, (), ())

}  // namespace groundtruth::api::groundtruth
