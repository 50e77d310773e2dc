// See house.hpp.
#include "tests/unit/api/house.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>

#include "api/common/api_key_format.hpp"
#include "api/dev/surface.hpp"
#include "api/groundtruth/routes.hpp"
#include "journal/genesis.hpp"

namespace groundtruth::api::testing {
namespace {

constexpr std::chrono::seconds kPatience{20};

http::Async<http::Response> serve(const http::Surface* surface, const http::Route* route,
                                  http::Request* request) {
  if (surface->guard) {
    std::optional<http::Response> stopped = co_await surface->guard(*request, *route);
    if (stopped) co_return std::move(*stopped);
  }
  http::Response response = co_await route->handle(*request);
  co_return response;
}

}  // namespace

House::House(groundtruth::Options options)
    : directory_(std::filesystem::temp_directory_path() /
                 ("gt-api-" + journal::new_uuid(journal::system_randomness()))) {
  auto& clock = journal::system_clock();
  std::filesystem::create_directories(directory_);
  keys_ = journal::make_memory_key_store(randomness_);
  journal_ = std::make_unique<journal::MemoryJournal>();
  const auto uuid = journal::init_journal(*journal_, journal::new_uuid(randomness_), clock);
  codec_ = std::make_unique<journal::CommitCodec>(uuid, keys_, randomness_);
  projections::ProjectorOptions projector;
  projector.directory = directory_ / "read_models";
  projector.journal_uuid = uuid;
  projector_ = std::make_unique<projections::Projector>(std::move(projector));
  executor_ = journal::make_thread_executor("node");
  node_ = std::make_unique<journal::Node>(*journal_, *codec_, *projector_, clock,
                                          journal::system_randomness(), *executor_, journal::NodeOptions{});
  hashing_ = std::make_unique<WorkPool>(WorkPoolOptions{});
  bcrypt_ = std::make_unique<Bcrypt>(*hashing_, journal::system_randomness(), 4);
  accounts_ = std::make_unique<projections::AccountQueries>(projector_->readers("accounts"));
  tasks_ = std::make_unique<projections::TaskQueries>(projector_->readers("tasks"));
  assignments_ = std::make_unique<projections::AssignmentQueries>(projector_->readers("assignments"));
  services_ = std::make_unique<groundtruth::Services>(
      groundtruth::Services::Parts{*node_, *accounts_, *tasks_, *assignments_, payments, blobs_, *bcrypt_,
                                   clock, journal::system_randomness(), master_key()},
      std::move(options));
  projector_->on_committed([this](const journal::Accepted& accepted) { services_->observe(accepted); });
  dev_ =
      std::make_unique<dev::Services>(dev::Services{*node_, *tasks_, clock, journal::system_randomness(),
                                                    journal::SignedToken(master_key(), dev::kFormPurpose)});
  std::vector<http::Surface> surfaces;
  surfaces.push_back(docs::make_pages_surface(pages()));
  surfaces.push_back(dev::make_dev_surface(*dev_));
  surfaces.push_back(groundtruth::make_groundtruth_surface(*services_));
  router_ = std::make_unique<http::Router>(std::move(surfaces));
  node_->start();
  for (bool ready = false; !ready; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    auto answer = std::make_shared<std::promise<bool>>();
    node_->status([answer](const journal::NodeStatus& status) { answer->set_value(status.ready); });
    ready = answer->get_future().get();
  }
}

// Files with a word each in the place of the real ones.
docs::PagesOptions House::pages() const {
  docs::PagesOptions options;
  options.swagger_ui = directory_;
  options.documents = {{"groundtruth", "Groundtruth API", directory_ / "groundtruth.json"}};
  for (const char* name : {"swagger-ui.css", "swagger-ui-bundle.js", "groundtruth.json"})
    std::ofstream(directory_ / name) << name;
  return options;
}

House::~House() {
  node_.reset();
  executor_->stop();
  projector_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

journal::Answer House::submit(domain::Bucket bucket, domain::Command command) {
  journal::Submission submission;
  submission.id = domain::new_id<domain::CommandId>("cmd_", journal::system_clock().now(), bucket,
                                                    journal::system_randomness().bits());
  submission.partition = journal::partition_of(journal::Topic::tasks, bucket);
  submission.actor = {journal::ActorKind::system, "test", ""};
  submission.command = std::move(command);
  submission.deadline = std::chrono::steady_clock::now() + kPatience;
  auto answer = std::make_shared<std::promise<journal::Answer>>();
  auto result = answer->get_future();
  submission.done = [answer](journal::Answer given) { answer->set_value(std::move(given)); };
  node_->submit(std::move(submission));
  return result.get();
}

Organization House::organization() {
  auto& randomness = journal::system_randomness();
  const auto now = journal::system_clock().now();
  const domain::Bucket bucket{static_cast<std::uint16_t>(randomness.bits()[0] % domain::kBucketCount)};
  Organization made;
  made.account = domain::new_id<domain::AccountId>("org_", now, bucket, randomness.bits());
  domain::CreateAccount account;
  account.account = made.account;
  account.email_claim = domain::new_id<domain::EmailClaimId>("eml_", {}, bucket, randomness.bits());
  account.name = "Acme";
  account.email = "a@example.test";
  if (submit(bucket, account).kind != journal::AnswerKind::accepted) throw std::runtime_error("no account");
  made.key = add_key(made, {domain::Scope::admin});
  made.key_id = parse_api_key(made.key)->id;
  return made;
}

std::string House::add_key(const Organization& organization, std::vector<domain::Scope> scopes) {
  const auto bucket = *domain::bucket_of(organization.account.value);
  const auto minted = mint_api_key(journal::system_clock().now(), bucket, journal::system_randomness());
  domain::CreateApiKey key;
  key.key = minted.id;
  key.account = organization.account;
  key.name = "test";
  key.scopes = std::move(scopes);
  key.prefix = minted.display;
  key.secret_hash = bcrypt_hash(minted.secret, 4, journal::system_randomness());
  if (submit(bucket, key).kind != journal::AnswerKind::accepted) throw std::runtime_error("no key");
  return minted.key;
}

http::Response House::call(http::Method method, const std::string& target, const std::string& key,
                           const std::string& body, const Headers& headers) {
  http::Request request;
  request.method = method;
  request.target = target;
  request.path = target.substr(0, target.find('?'));
  for (std::size_t at = target.find('?'); at < target.size();) {
    const std::size_t end = std::min(target.find('&', at + 1), target.size());
    const std::string pair = target.substr(at + 1, end - at - 1);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    request.query.emplace_back(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    at = end;
  }
  if (!key.empty()) request.headers.add("Authorization", "Bearer " + key);
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.body = body;
  request.remote_address = "192.0.2.1";
  request.deadline = std::chrono::steady_clock::now() + kPatience;
  const http::Match match = router_->match(request);
  if (match.route == nullptr) return match.surface->refuse(http::Refusal::not_found, request, "");

  boost::asio::io_context loop;
  std::optional<http::Response> response;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, serve(match.surface, match.route, &request),
                        [&](std::exception_ptr error, http::Response given) {
                          failure = error;
                          response = std::move(given);
                        });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  if (match.surface->finish) match.surface->finish(request, *response);
  return std::move(*response);
}

std::optional<std::string> header(const http::Response& response, std::string_view name) {
  for (const auto& [field, value] : response.headers)
    if (http::equals_ignoring_case(field, name)) return value;
  return std::nullopt;
}

std::string text_of(const http::Response& response, const std::string& name) {
  const std::string head = "\"" + name + "\":\"";
  const auto begin = response.body.find(head);
  if (begin == std::string::npos) throw std::runtime_error("no " + name + " in " + response.body);
  const auto value = begin + head.size();
  return response.body.substr(value, response.body.find('"', value) - value);
}

}  // namespace groundtruth::api::testing
