// All public surfaces on a real node over a memory journal, called without a socket.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/dev/checkout.hpp"
#include "api/docs/pages.hpp"
#include "api/groundtruth/services.hpp"
#include "api/http/router.hpp"
#include "journal/commit.hpp"
#include "journal/executor.hpp"
#include "journal/memory/memory_journal.hpp"
#include "projections/projector.hpp"
#include "tests/unit/api/support.hpp"
#include "tests/unit/workers/memory_blob_store.hpp"
#include "workers/ports/payments.hpp"

namespace groundtruth::api::testing {

// Remembers what it was asked for; the URL follows from the checkout.
class FakePayments final : public ports::Payments {
 public:
  void create_checkout(ports::CheckoutRequest request,
                       std::function<void(std::optional<std::string>, std::string)> done) override {
    requests.push_back(request);
    if (is_down) return done(std::nullopt, "The setting payments.provider is missing.");
    done("https://pay.example/" + request.checkout.value, {});
  }
  std::vector<ports::CheckoutRequest> requests;
  bool is_down = false;
};

struct Organization {
  domain::AccountId account;
  domain::ApiKeyId key_id;
  std::string key;
};

class House {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit House(groundtruth::Options options = {});
  ~House();

  Organization organization();
  std::string add_key(const Organization& organization, std::vector<domain::Scope> scopes);

  // Through route, guard, handler and finish, as the server does it. `key` "" sends no credential.
  http::Response call(http::Method method, const std::string& target, const std::string& key,
                      const std::string& body = {}, const Headers& headers = {});
  journal::Answer submit(domain::Bucket bucket, domain::Command command);

  FakePayments payments;

 private:
  docs::PagesOptions pages() const;

  std::filesystem::path directory_;
  SeededRandomness randomness_;
  std::shared_ptr<journal::KeyStore> keys_;
  std::unique_ptr<journal::Executor> executor_;  // outlives those that post to it
  std::unique_ptr<journal::MemoryJournal> journal_;
  std::unique_ptr<journal::CommitCodec> codec_;
  std::unique_ptr<projections::Projector> projector_;
  std::unique_ptr<journal::Node> node_;
  std::unique_ptr<WorkPool> hashing_;
  std::unique_ptr<Bcrypt> bcrypt_;
  std::unique_ptr<projections::AccountQueries> accounts_;
  std::unique_ptr<projections::TaskQueries> tasks_;
  std::unique_ptr<projections::AssignmentQueries> assignments_;
  workers::testing::MemoryBlobStore blobs_;
  std::unique_ptr<groundtruth::Services> services_;
  std::unique_ptr<dev::Services> dev_;
  std::unique_ptr<http::Router> router_;
};

std::optional<std::string> header(const http::Response& response, std::string_view name);

// The text between `"name":"` and the next quote.
std::string text_of(const http::Response& response, const std::string& name);

}  // namespace groundtruth::api::testing
