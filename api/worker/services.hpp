// What the handlers of this surface work with, put together once by app/ and shared by all requests.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/common/byte_budget.hpp"
#include "api/common/cursor.hpp"
#include "api/common/email_claim.hpp"
#include "api/common/exchange.hpp"
#include "api/common/idempotency.hpp"
#include "api/common/jwt.hpp"
#include "api/common/password.hpp"
#include "api/common/rate_limiter.hpp"
#include "api/common/work_pool.hpp"
#include "api/worker/lease_gate.hpp"
#include "api/worker/login_limits.hpp"
#include "journal/signed_token.hpp"
#include "projections/accounts/queries.hpp"
#include "projections/assignments/queries.hpp"
#include "projections/tasks/feed.hpp"
#include "projections/tasks/queries.hpp"
#include "projections/workers/queries.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/media_probe.hpp"

namespace groundtruth::api::worker {

struct MailLimits {
  static constexpr std::chrono::hours kWindow{1};
  RateLimit address{30, kWindow};         // of one client address
  RateLimit address_mailbox{5, kWindow};  // of one client address, to one mailbox
  RateLimit mailbox{30, kWindow};         // to one mailbox, of all: somebody else's are not its owner's fault
  RateLimit mail_domain{1'000, kWindow};  // to one domain of mail addresses
};

struct Options {
  RateLimit worker_limit{120};         // requests of one worker
  RateLimit address_limit{120};        // requests without a valid token, for each address
  RateLimit login_limit{10};           // wrong logins with one e-mail address from one client address
  RateLimit account_login_limit{200};  // wrong logins with one e-mail address from anywhere
  // What makes this server send a mail to whoever is named: registrations, and asking for a mail.
  MailLimits mail_limits;
  bool takes_commands = true;  // false where others do: what would be answered before it is done is refused
  std::chrono::minutes lease{30};
  domain::LeaseRules lease_rules;
  std::int64_t max_upload_bytes = std::int64_t{1} << 30;
  domain::UploadLimits lease_uploads{8, std::int64_t{1} << 31};  // all of one lease
  std::int64_t daily_upload_bytes = std::int64_t{20} << 30;      // that one worker may announce in 24 h
  std::chrono::seconds upload_lifetime{3'600};                   // of an upload's URL
  std::vector<std::string> hosts;                                // host names bound to this surface
};

// Everything given must outlive it. Thread-safe as its parts are.
struct Services {
  struct Parts {
    journal::Node& node;
    const projections::AccountQueries& accounts;
    const projections::TaskQueries& tasks;
    const projections::FeedQueries& feed;
    const projections::AssignmentQueries& assignments;
    const projections::WorkerQueries& workers;
    Passwords& passwords;
    WorkPool& blob_calls;
    WorkPool& probe_calls;
    ports::BlobStore& blobs;
    ports::MediaProbe& probe;
    journal::KeyStore& keys;
    const journal::Clock& clock;
    journal::Randomness& randomness;
    const journal::MasterKey& master;  // only while constructing
    JournalBudget* budget = nullptr;
  };

  Services(const Parts& parts, Options chosen)
      : accounts(parts.accounts),
        tasks(parts.tasks),
        feed(parts.feed),
        assignments(parts.assignments),
        workers(parts.workers),
        passwords(parts.passwords),
        blob_calls(parts.blob_calls),
        probe_calls(parts.probe_calls),
        blobs(parts.blobs),
        probe(parts.probe),
        clock(parts.clock),
        randomness(parts.randomness),
        options(std::move(chosen)),
        exchange{parts.node,
                 parts.clock,
                 parts.randomness,
                 std::chrono::milliseconds{5'000},
                 std::chrono::milliseconds{250},
                 parts.budget},
        hasher(parts.master),
        cursors(parts.master),
        email_key(parts.master.derive(kEmailHashPurpose)),
        mail_tokens(parts.master, kVerifyMailPurpose),
        reset_tokens(parts.master, kResetPurpose),
        tokens({}, parts.keys, parts.clock),
        worker_limits(options.worker_limit, clock),
        address_limits(options.address_limit, clock),
        login_limits(options.login_limit, options.account_login_limit, clock),
        mails_by_address(options.mail_limits.address, clock),
        mails_by_address_and_mailbox(options.mail_limits.address_mailbox, clock),
        mails_by_mailbox(options.mail_limits.mailbox, clock),
        mails_by_domain(options.mail_limits.mail_domain, clock),
        upload_budget({options.daily_upload_bytes}, clock),
        lease_gate(clock) {}

  static constexpr std::string_view kVerifyMailPurpose = "verify-mail";
  static constexpr std::string_view kResetPurpose = "reset-password";

  const projections::AccountQueries& accounts;
  const projections::TaskQueries& tasks;
  const projections::FeedQueries& feed;
  const projections::AssignmentQueries& assignments;
  const projections::WorkerQueries& workers;
  Passwords& passwords;
  WorkPool& blob_calls;
  WorkPool& probe_calls;
  ports::BlobStore& blobs;
  ports::MediaProbe& probe;
  const journal::Clock& clock;
  journal::Randomness& randomness;
  const Options options;
  const Exchange exchange;
  const RequestHasher hasher;
  const CursorCodec cursors;
  const journal::DataKey email_key;
  const journal::SignedToken mail_tokens;   // of links that verify an address
  const journal::SignedToken reset_tokens;  // of links that set a password (api/worker/people.hpp)
  WorkerTokens tokens;
  RateLimiter worker_limits;
  RateLimiter address_limits;
  LoginLimits login_limits;
  RateLimiter mails_by_address;
  RateLimiter mails_by_address_and_mailbox;
  RateLimiter mails_by_mailbox;
  RateLimiter mails_by_domain;
  ByteBudget upload_budget;  // by worker
  LeaseGate lease_gate;
};

}  // namespace groundtruth::api::worker
