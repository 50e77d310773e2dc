// The public surfaces, put together: what they query, who takes payments, which of them exist in this mode.
#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/common/bcrypt.hpp"
#include "api/dev/surface.hpp"
#include "api/groundtruth/services.hpp"
#include "api/http/router.hpp"
#include "api/media/services.hpp"
#include "api/ops/services.hpp"
#include "api/worker/services.hpp"
#include "app/config.hpp"
#include "app/node_assembly.hpp"
#include "app/outside.hpp"
#include "workers/adapters/dev_payments.hpp"
#include "workers/collecting/media_collector.hpp"
#include "workers/mail/worker_mailer.hpp"

namespace groundtruth::app {

// Outlives the server, and the node's projector, which tells it of revoked keys. Made before the node starts.
class PublicApi {
 public:
  PublicApi(const Settings& settings, std::size_t max_downloads, NodeAssembly& node, Outside& outside,
            api::Bcrypt& bcrypt, spdlog::logger& log);
  PublicApi(const PublicApi&) = delete;
  PublicApi& operator=(const PublicApi&) = delete;

  // In the order in which they claim requests; the last one answers what nobody claims.
  std::vector<http::Surface> surfaces();

  // Where browsers and clients reach this server, or the one that answers the public API; before the server
  // starts. With it starts, in the role of workers, what sends mails and what removes media.
  void start(const std::string& base);
  void stop();  // before the node; idempotent

  // What an account or a worker may do, by its id. Thread-safe.
  ops::LimitsView limits_of(const std::string& id) const;

  // Requests that were refused because their sender had written as much as they may.
  std::uint64_t over_budget() const { return budget_.refused(); }
  // nullopt: this process sends no mails.
  std::optional<workers::MailCounters> mails() const;

 private:
  bool may_read(const std::string& key, domain::Timestamp signed_at) const;
  void make_mailer(NodeAssembly& node);
  api::media::LeaseFacts find_lease(const std::string& key) const;  // of an object
  void end_uploads(const journal::Commit& commit);
  void make_collector(NodeAssembly& node);

  const Settings& settings_;
  spdlog::logger& log_;
  projections::AccountQueries accounts_;
  projections::TaskCache task_cache_;
  projections::TaskQueries tasks_;
  projections::FeedQueries feed_;
  projections::AssignmentQueries assignments_;
  projections::WorkerQueries workers_;
  std::unique_ptr<adapters::DevPayments> dev_payments_;  // with --dev
  std::unique_ptr<ports::Payments> no_payments_;         // without
  api::JournalBudget budget_;
  api::groundtruth::Services groundtruth_;
  std::optional<api::dev::Services> dev_;
  Outside& outside_;
  std::optional<api::media::Services> media_;  // where our own server serves it
  api::WorkPool password_threads_, blob_threads_, probe_threads_;
  api::Passwords passwords_;
  api::worker::Services worker_;
  std::string public_base_;
  std::unique_ptr<workers::WorkerMailer> mailer_;  // null: there is no mail
  std::unique_ptr<journal::Executor> collector_executor_;
  std::unique_ptr<workers::MediaCollector> collector_;
};

// Where the build or an installation put documentation pages: beside the executable. nullopt: nowhere.
std::optional<std::filesystem::path> find_share_directory();

}  // namespace groundtruth::app
