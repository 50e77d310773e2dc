// Answers of this surface. What answers a write is a function of its commit, so a replay gives the same
// bytes.
#pragma once

#include <string>

#include "domain/domain.hpp"
#include "journal/commit.hpp"
#include "projections/workers/queries.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::api::worker {

// These throw std::logic_error when the commit is not of that command.
std::string render_registered(const journal::Commit& commit);
std::string render_profile_changed(const journal::Commit& commit);
std::string render_accepted(const journal::Commit& commit);
std::string render_released(const journal::Commit& commit);
std::string render_submitted(const journal::Commit& commit);
std::string render_submission(const domain::Assignment& assignment);
std::string render_contested(const journal::Commit& commit);

// `signed_upload` must be signed at the commit's own time.
std::string render_upload(const journal::Commit& commit, const ports::SignedUpload& signed_upload);

struct ProfileFacts {
  const domain::Worker& worker;
  std::optional<std::uint64_t> rank;
};
std::string render_profile(const ProfileFacts& facts);
std::string render_public(const domain::Worker& worker);
std::string render_login(const domain::Worker& worker, std::string_view token, domain::Timestamp expires_at);

void append_feed_item(std::string& out, const domain::Task& task);
void append_standing(std::string& out, const projections::Standing& standing);

}  // namespace groundtruth::api::worker
