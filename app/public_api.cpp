// See public_api.hpp.
#include "app/public_api.hpp"

#include "api/docs/pages.hpp"
#include "api/groundtruth/routes.hpp"
#include "api/media/surface.hpp"
#include "api/worker/people.hpp"
#include "api/worker/routes.hpp"
#include "app/machine_limits.hpp"
#include "workers/ports/blob_keys.hpp"

namespace groundtruth::app {
namespace {

// Stands where no provider is configured: a task that needs money says which setting is missing.
class NoPayments final : public ports::Payments {
 public:
  void create_checkout(
      ports::CheckoutRequest,
      std::function<void(std::optional<std::string> url, std::string reason)> done) override {
    done(std::nullopt, "No payments provider is configured on this server (setting payments.provider).");
  }
};

api::groundtruth::Options options_of(const Settings& settings) {
  api::groundtruth::Options options;
  options.key_limit.requests = settings.groundtruth_limits.key_per_minute;
  options.account_limit.requests = settings.groundtruth_limits.account_per_minute;
  options.address_limit.requests = settings.groundtruth_limits.address_per_minute;
  for (auto* limit : {&options.key_limit, &options.account_limit, &options.address_limit})
    limit->enforced = settings.enforce_rate_limits;
  for (const auto& [account, own] : settings.groundtruth_limits.accounts)
    options.own_limits.emplace(account,
                               api::groundtruth::OwnLimits{own.key_per_minute, own.account_per_minute});
  options.checkout = settings.checkout;
  options.unpaid = {settings.max_unpaid_tasks, settings.enforce_rate_limits};
  options.hosts = settings.groundtruth_hosts;
  return options;
}

api::JournalBudgetOptions budget_options(const Settings& settings) {
  api::JournalBudgetOptions options;
  options.account_bytes = settings.groundtruth_limits.journal_bytes_per_day;
  options.worker_bytes = settings.workers.journal_bytes_per_day;
  options.address_bytes = settings.workers.address_journal_bytes_per_day;
  for (const auto& [account, own] : settings.groundtruth_limits.accounts)
    options.accounts.emplace(account, own.journal_bytes_per_day);
  options.enforced = settings.enforce_rate_limits;
  return options;
}

api::worker::Options worker_options(const Settings& settings) {
  api::worker::Options options;
  options.worker_limit.requests = settings.workers.worker_per_minute;
  options.address_limit.requests = settings.workers.address_per_minute;
  options.login_limit.requests = settings.workers.logins_per_minute;
  options.account_login_limit.requests = settings.workers.account_logins_per_minute;
  auto& mails = options.mail_limits;
  mails.address.requests = settings.workers.mails_per_hour;
  mails.address_mailbox.requests = settings.workers.mails_per_hour_to_mailbox;
  mails.mailbox.requests = settings.workers.mailbox_per_hour;
  mails.mail_domain.requests = settings.workers.mail_domain_per_hour;
  for (auto* limit :
       {&options.worker_limit, &options.address_limit, &options.login_limit, &options.account_login_limit,
        &mails.address, &mails.address_mailbox, &mails.mailbox, &mails.mail_domain})
    limit->enforced = settings.enforce_rate_limits;
  options.takes_commands = !settings.roles.reads;
  options.lease = settings.workers.lease;
  options.lease_rules = settings.workers.lease_rules;
  options.max_upload_bytes = settings.workers.max_upload_bytes;
  options.lease_uploads = {settings.workers.max_lease_uploads, settings.workers.max_lease_upload_bytes};
  options.daily_upload_bytes = settings.workers.max_daily_upload_bytes;
  options.upload_lifetime = settings.workers.upload_lifetime;
  options.hosts = settings.worker_hosts;
  return options;
}

api::media::Options media_options(const Settings& settings, std::size_t max_downloads) {
  api::media::Options options;
  options.max_upload_bytes = static_cast<std::size_t>(settings.workers.max_upload_bytes);
  options.uploads.all = kUploadFiles;
  options.uploads.of_worker = settings.workers.max_running_uploads;
  options.max_downloads = max_downloads;
  options.late_upload = std::chrono::milliseconds(settings.workers.upload_grace) / 2;
  return options;
}

constexpr unsigned kBlobThreads = 32;  // they wait for disks and networks, and synced together they wait once
constexpr std::size_t kMaxWaiting = 256;  // passwords to be checked, proofs to be stored
// Threads apart from those, so that files which take long to look at hold up nothing else; more than may be
// looked at a time, since some only ask the store what it has.
constexpr unsigned kProbeThreads = 2 * kMediaProbes;
constexpr std::size_t kMaxProbesWaiting = 64;
constexpr std::size_t kMaxProbesOfWorker = 4;  // waiting

}  // namespace

PublicApi::PublicApi(const Settings& settings, std::size_t max_downloads, NodeAssembly& node,
                     Outside& outside, api::Bcrypt& bcrypt, spdlog::logger& log)
    : settings_(settings),
      log_(log),
      accounts_(node.projector().readers("accounts")),
      task_cache_(settings.read_models.task_cache_bytes),
      tasks_(node.projector().readers("tasks"), &task_cache_),
      feed_(node.projector().readers("tasks")),
      assignments_(node.projector().readers("assignments")),
      workers_(node.projector().readers("workers")),
      dev_payments_(settings.dev ? std::make_unique<adapters::DevPayments>() : nullptr),
      no_payments_(std::make_unique<NoPayments>()),
      budget_(budget_options(settings), journal::system_clock()),
      groundtruth_(
          {node.node(), accounts_, tasks_, assignments_,
           dev_payments_ ? static_cast<ports::Payments&>(*dev_payments_) : *no_payments_, outside.media(),
           bcrypt, journal::system_clock(), journal::system_randomness(), node.master(), &budget_},
          options_of(settings)),
      outside_(outside),
      password_threads_({settings.workers.password_threads, kMaxWaiting}),
      blob_threads_({kBlobThreads, kMaxWaiting}),
      probe_threads_({kProbeThreads, kMaxProbesWaiting, kMaxProbesOfWorker}),
      passwords_(password_threads_, {}),
      worker_({node.node(), accounts_, tasks_, feed_, assignments_, workers_, passwords_, blob_threads_,
               probe_threads_, outside.media(), *outside.probe, node.keys(), journal::system_clock(),
               journal::system_randomness(), node.master(), &budget_},
              worker_options(settings)) {
  if (settings.dev)
    dev_.emplace(api::dev::Services{node.node(), tasks_, journal::system_clock(),
                                    journal::system_randomness(),
                                    journal::SignedToken(node.master(), api::dev::kFormPurpose)});
  if (settings.roles.workers) make_collector(node);
  node.projector().on_offered([this](const journal::Accepted& accepted) { task_cache_.observe(accepted); });
  node.projector().on_committed([this](const journal::Accepted& accepted) {
    groundtruth_.observe(accepted);
    if (mailer_) mailer_->observe(accepted);
    if (collector_) collector_->observe(accepted);
    if (media_ && accepted.commit) end_uploads(*accepted.commit);
  });
  auto lease = [this](const std::string& key) { return find_lease(key); };
  auto may = [this](const std::string& key, domain::Timestamp at) { return may_read(key, at); };
  if (outside.folder)
    media_.emplace(*outside.folder, journal::system_clock(), media_options(settings, max_downloads),
                   std::move(lease), std::move(may));
  if (outside.mailer) make_mailer(node);
}

api::media::LeaseFacts PublicApi::find_lease(const std::string& key) const {
  using api::media::LeaseState;
  const auto row = assignments_.assignment({key.substr(0, key.find('/'))});
  if (!row) return {};
  const auto& assignment = row->state;
  const auto lease = ports::lease_of_blob_key(key);
  if (lease > assignment.lease) return {LeaseState::unknown, assignment.worker.value};
  const bool is_held = lease == assignment.lease && assignment.holds_lease(journal::system_clock().now());
  return {is_held ? LeaseState::held : LeaseState::over, assignment.worker.value};
}

// What is still coming under a lease that has ended nobody can name any more. On the threads that write it:
// removing half of a large file takes its time.
void PublicApi::end_uploads(const journal::Commit& commit) {
  for (const auto& event : commit.events) {
    std::string ended;
    if (const auto* lease = std::get_if<domain::LeaseEnded>(&event.data)) ended = lease->assignment.value;
    if (const auto* proof = std::get_if<domain::SubmissionCreated>(&event.data))
      ended = proof->assignment.value;
    if (ended.empty()) continue;
    auto end = [&uploads = media_->uploads, prefix = ended + '/'] { uploads.end_all(prefix); };
    if (!media_->pool.try_run(end)) end();
  }
}

// With a rejection the customer's right to see the media ends, and with it the URLs that they got before.
// While a contest waits, operators look at it by URLs that are signed after it began.
bool PublicApi::may_read(const std::string& key, domain::Timestamp signed_at) const {
  constexpr std::int64_t second_ms = 1'000;  // a URL has no finer time
  const auto row = assignments_.assignment({key.substr(0, key.find('/'))});
  if (!row || !row->state.was_rejected()) return true;
  return row->state.status == domain::AssignmentStatus::contested &&
         signed_at.ms >= row->state.contested_at->ms - row->state.contested_at->ms % second_ms;
}

ops::LimitsView PublicApi::limits_of(const std::string& id) const {
  ops::LimitsView view;
  view.id = id;
  view.enforced = settings_.enforce_rate_limits;
  view.journal_bytes_used = budget_.used(id);
  if (domain::is_id(id, "wrk_")) {
    view.worker_per_minute = settings_.workers.worker_per_minute;
    view.logins_per_minute = settings_.workers.logins_per_minute;
    view.journal_bytes_per_day = settings_.workers.journal_bytes_per_day;
    return view;
  }
  const auto& limits = settings_.groundtruth_limits;
  const auto own = limits.accounts.find(id);
  const bool has_own = own != limits.accounts.end();
  view.key_per_minute = has_own ? own->second.key_per_minute : limits.key_per_minute;
  view.account_per_minute = has_own ? own->second.account_per_minute : limits.account_per_minute;
  view.journal_bytes_per_day = has_own ? own->second.journal_bytes_per_day : limits.journal_bytes_per_day;
  view.max_unpaid_tasks = settings_.max_unpaid_tasks;
  view.unpaid_tasks = tasks_.count({{id}, domain::TaskStatus::funding, {}, {}});
  return view;
}

void PublicApi::make_mailer(NodeAssembly& node) {
  workers::WorkerMailerOptions options;
  options.log = [this](const std::string& what) { log_.warn("{}", what); };
  options.give_up = settings_.mail_give_up;
  auto waiting = [this](std::uint32_t limit) { return workers_.waiting_mails(limit); };
  auto find = [this](const domain::WorkerId& id) -> std::optional<domain::Worker> {
    auto row = workers_.worker(id);
    if (!row) return std::nullopt;
    return std::move(row->state);
  };
  auto link_of = [this](const domain::Worker& worker, domain::WorkerMail which,
                        domain::Timestamp expires_at) {
    if (which == domain::WorkerMail::verification)
      return public_base_ +
             "/api/v1/worker/verify?token=" + worker_.mail_tokens.mint(worker.id.value, expires_at);
    return public_base_ + "/api/v1/worker/password/reset?token=" +
           worker_.reset_tokens.mint(api::worker::reset_subject(worker), expires_at);
  };
  auto submit = [&node = node.node()](journal::Submission submission) { node.submit(std::move(submission)); };
  mailer_ = std::make_unique<workers::WorkerMailer>(
      std::move(waiting), std::move(find), std::move(link_of), std::move(submit), *outside_.mailer,
      journal::system_clock(), journal::system_randomness(), node.duties(), std::move(options));
}

std::optional<workers::MailCounters> PublicApi::mails() const {
  if (!mailer_) return std::nullopt;
  return mailer_->counters();
}

void PublicApi::make_collector(NodeAssembly& node) {
  workers::CollectorOptions options;
  options.checkpoint_file = node.directory().root() / "collector.json";
  options.keep = settings_.workers.upload_lifetime + settings_.workers.upload_grace;
  options.log = [this](const std::string& what) { log_.warn("{}", what); };
  auto find = [this](const domain::AssignmentId& id) -> std::optional<domain::Assignment> {
    auto row = assignments_.assignment(id);
    if (!row) return std::nullopt;
    return std::move(row->state);
  };
  collector_executor_ = journal::make_thread_executor("collector");
  collector_ = std::make_unique<workers::MediaCollector>(
      std::move(find), outside_.media(), node.journal(), node.codec(), journal::system_clock(),
      *collector_executor_, node.duties(), std::move(options));
}

std::vector<http::Surface> PublicApi::surfaces() {
  std::vector<http::Surface> all;
  if (const auto share = find_share_directory()) {
    api::docs::PagesOptions pages;
    pages.documents = {{"groundtruth", "Groundtruth API", *share / "openapi" / "groundtruth.json"},
                       {"worker", "Worker API", *share / "openapi" / "worker.json"}};
    pages.swagger_ui = *share / "swagger-ui";
    try {
      all.push_back(api::docs::make_pages_surface(pages));
    } catch (const std::runtime_error& missing) {
      log_.warn("no documentation pages: {}", missing.what());
    }
  } else {
    log_.warn("no documentation pages: there is no share/ beside the executable");
  }
  if (dev_) all.push_back(api::dev::make_dev_surface(*dev_));
  if (media_) all.push_back(api::media::make_media_surface(*media_));
  all.push_back(api::worker::make_worker_surface(worker_));
  all.push_back(api::groundtruth::make_groundtruth_surface(groundtruth_));
  return all;
}

void PublicApi::start(const std::string& base) {
  public_base_ = base;
  if (dev_payments_) dev_payments_->set_public_base(base);
  if (outside_.folder) outside_.folder->set_public_base(base);
  if (!settings_.roles.workers) return;
  if (mailer_) mailer_->start();
  if (collector_) collector_->start();
}

void PublicApi::stop() {
  if (mailer_) mailer_->stop();
  if (collector_) collector_->stop();
}

std::optional<std::filesystem::path> find_share_directory() {
  std::error_code error;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return std::nullopt;
  const auto beside = executable.parent_path();
  for (const auto& place : {beside / "share", beside.parent_path() / "share" / "groundtruth"})
    if (std::filesystem::is_directory(place / "openapi", error)) return place;
  return std::nullopt;
}

}  // namespace groundtruth::app
