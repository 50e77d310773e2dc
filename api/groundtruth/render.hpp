// Answers of this surface. What answers a write is a function of its commit alone, so a replay gives the same
// bytes.
#pragma once

#include <optional>
#include <string>

#include "domain/api_key.hpp"
#include "domain/assignment.hpp"
#include "domain/task.hpp"
#include "journal/commit.hpp"
#include "projections/versioned.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::api::groundtruth {

// 201 of POST /tasks: the seed's keys first, in the seed's order.
// These three throw std::logic_error when the commit is not of that command.
std::string render_task_created(const journal::Commit& commit);
std::string render_task_cancelled(const journal::Commit& commit);
std::string render_checkout_renewed(const journal::Commit& commit);
std::string render_key_revoked(const journal::Commit& commit);
// `secret` is the whole key; empty in a replay, which omits it.
std::string render_key_created(const journal::Commit& commit, std::string_view secret);

std::string render_task(const domain::Task& task);

// Where the media of a submission can be fetched, signed at `now`.
struct MediaLinks {
  const ports::BlobStore& blobs;
  domain::Timestamp now;
};
// The seed's keys first; `duration_seconds` and `media_url` are of its first part.
void append_submission(std::string& out, const domain::Assignment& assignment, const MediaLinks& links);
// As above of commits.
std::string render_submission_approved(const journal::Commit& commit);
std::string render_submission_rejected(const journal::Commit& commit);

struct Pagination {
  std::uint64_t total = 0;
  std::uint64_t page = 1;
  std::uint32_t per_page = 20;
  std::optional<std::string> next_cursor;
};
std::string render_tasks(const std::vector<projections::Versioned<domain::Task>>& tasks,
                         const Pagination& pagination);
std::string render_submissions(const std::vector<projections::Versioned<domain::Assignment>>& submissions,
                               const Pagination& pagination, const MediaLinks& links);
std::string render_keys(const std::vector<projections::Versioned<domain::ApiKey>>& keys,
                        const Pagination& pagination);

}  // namespace groundtruth::api::groundtruth
