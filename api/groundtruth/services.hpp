// What the handlers of this surface work with, put together once by app/ and shared by all requests.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/common/authenticator.hpp"
#include "api/common/bcrypt.hpp"
#include "api/common/cursor.hpp"
#include "api/common/exchange.hpp"
#include "api/common/idempotency.hpp"
#include "api/common/rate_limiter.hpp"
#include "api/groundtruth/unpaid_tasks.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "journal/ports.hpp"
#include "projections/accounts/queries.hpp"
#include "projections/assignments/queries.hpp"
#include "projections/tasks/queries.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/payments.hpp"

namespace groundtruth::api::groundtruth {

// Requests a minute of an organization that pays for more, or for less.
struct OwnLimits {
  std::uint32_t each_key = 600, all_keys = 6'000;
};

struct Options {
  RateLimit key_limit{600};
  RateLimit account_limit{6'000};                            // all keys of an organization together
  RateLimit address_limit{120};                              // requests without a valid key, for each address
  std::map<std::string, OwnLimits, std::less<>> own_limits;  // by organization, instead of the first two
  AuthenticatorOptions authenticator;
  std::chrono::milliseconds position_wait{5'000};  // how long a read waits for its Journal-Position
  std::chrono::milliseconds last_use_timeout{5'000};
  std::chrono::milliseconds checkout{domain::kCheckoutMs};  // how long one can be paid
  UnpaidTasksOptions unpaid;
  std::vector<std::string> hosts;  // host names bound to this surface

  OwnLimits limits_of(std::string_view account) const {
    const auto own = own_limits.find(account);
    return own == own_limits.end() ? OwnLimits{key_limit.requests, account_limit.requests} : own->second;
  }
};

// Everything given must outlive it. Thread-safe as its parts are.
struct Services {
  struct Parts {
    journal::Node& node;
    const projections::AccountQueries& accounts;
    const projections::TaskQueries& tasks;
    const projections::AssignmentQueries& assignments;
    ports::Payments& payments;
    const ports::BlobStore& blobs;  // signs only
    Bcrypt& bcrypt;
    const journal::Clock& clock;
    journal::Randomness& randomness;
    const journal::MasterKey& master;  // only while constructing
    JournalBudget* budget = nullptr;
  };

  Services(const Parts& parts, Options chosen)
      : node(parts.node),
        accounts(parts.accounts),
        tasks(parts.tasks),
        assignments(parts.assignments),
        payments(parts.payments),
        blobs(parts.blobs),
        bcrypt(parts.bcrypt),
        clock(parts.clock),
        randomness(parts.randomness),
        options(std::move(chosen)),
        exchange{
            parts.node,  parts.clock, parts.randomness, options.position_wait, std::chrono::milliseconds{250},
            parts.budget},
        hasher(parts.master),
        cursors(parts.master),
        key_limits(options.key_limit, clock),
        account_limits(options.account_limit, clock),
        address_limits(options.address_limit, clock),
        unpaid(options.unpaid),
        authenticator(options.authenticator, accounts, bcrypt, address_limits, clock) {}

  // For Projector::on_committed: drops revoked keys from the cache before a revocation is answered.
  void observe(const journal::Accepted& accepted) { authenticator.observe(accepted); }

  journal::Node& node;
  const projections::AccountQueries& accounts;
  const projections::TaskQueries& tasks;
  const projections::AssignmentQueries& assignments;
  ports::Payments& payments;
  const ports::BlobStore& blobs;
  Bcrypt& bcrypt;
  const journal::Clock& clock;
  journal::Randomness& randomness;
  const Options options;
  const Exchange exchange;
  const RequestHasher hasher;
  const CursorCodec cursors;
  RateLimiter key_limits;
  RateLimiter account_limits;
  RateLimiter address_limits;
  UnpaidTasks unpaid;
  Authenticator authenticator;
};

}  // namespace groundtruth::api::groundtruth
