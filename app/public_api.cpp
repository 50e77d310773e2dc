// See public_api.hpp.
#include "app/public_api.hpp"

#include "api/docs/pages.hpp"
#include "api/groundtruth/routes.hpp"

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
  options.hosts = settings.groundtruth_hosts;
  return options;
}

}  // namespace

PublicApi::PublicApi(const Settings& settings, NodeAssembly& node, api::Bcrypt& bcrypt, spdlog::logger& log)
    : settings_(settings),
      log_(log),
      accounts_(node.projector().readers("accounts")),
      task_cache_(settings.read_models.task_cache_bytes),
      tasks_(node.projector().readers("tasks"), &task_cache_),
      dev_payments_(settings.dev ? std::make_unique<adapters::DevPayments>() : nullptr),
      no_payments_(std::make_unique<NoPayments>()),
      groundtruth_({node.node(), accounts_, tasks_,
                    dev_payments_ ? static_cast<ports::Payments&>(*dev_payments_) : *no_payments_, bcrypt,
                    journal::system_clock(), journal::system_randomness(), node.master()},
                   options_of(settings)) {
  if (settings.dev)
    dev_.emplace(
        api::dev::Services{node.node(), tasks_, journal::system_clock(), journal::system_randomness()});
  node.projector().on_offered([this](const journal::Accepted& accepted) { task_cache_.observe(accepted); });
  node.projector().on_committed(
      [this](const journal::Accepted& accepted) { groundtruth_.observe(accepted); });
}

std::vector<http::Surface> PublicApi::surfaces() {
  std::vector<http::Surface> all;
  if (const auto share = find_share_directory()) {
    api::docs::PagesOptions pages;
    pages.documents = {{"groundtruth", "Groundtruth API", *share / "openapi" / "groundtruth.json"}};
    pages.swagger_ui = *share / "swagger-ui";
    pages.hosts = settings_.groundtruth_hosts;
    try {
      all.push_back(api::docs::make_pages_surface(pages));
    } catch (const std::runtime_error& missing) {
      log_.warn("no documentation pages: {}", missing.what());
    }
  } else {
    log_.warn("no documentation pages: there is no share/ beside the executable");
  }
  if (dev_) all.push_back(api::dev::make_dev_surface(*dev_));
  all.push_back(api::groundtruth::make_groundtruth_surface(groundtruth_));
  return all;
}

void PublicApi::set_public_base(const std::string& base) {
  if (dev_payments_) dev_payments_->set_public_base(base);
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
