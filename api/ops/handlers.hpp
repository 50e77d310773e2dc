// The handlers behind the operator API's routes. Each is thin: read the request, command or query, render.
#pragma once

#include "api/http/message.hpp"
#include "api/ops/services.hpp"

namespace groundtruth::ops {

using http::Async;
using http::Request;
using http::Response;

// health.cpp
Async<Response> livez(Services& services, Request& request);
Async<Response> readyz(Services& services, Request& request);
Async<Response> metrics(Services& services, Request& request);
Async<Response> routes(Services& services, Request& request);

// accounts.cpp
Async<Response> create_account(Services& services, Request& request);
Async<Response> list_accounts(Services& services, Request& request);
Async<Response> read_account(Services& services, Request& request);
Async<Response> erase_account(Services& services, Request& request);

// workers.cpp
Async<Response> find_worker(Services& services, Request& request);
Async<Response> read_worker(Services& services, Request& request);
Async<Response> erase_worker(Services& services, Request& request);

// limits.cpp
Async<Response> account_limits(Services& services, Request& request);
Async<Response> worker_limits(Services& services, Request& request);

// contests.cpp
Async<Response> list_contests(Services& services, Request& request);
Async<Response> read_contest(Services& services, Request& request);
Async<Response> uphold_contest(Services& services, Request& request);
Async<Response> dismiss_contest(Services& services, Request& request);

// keys.cpp
Async<Response> create_key(Services& services, Request& request);
Async<Response> list_keys(Services& services, Request& request);
Async<Response> revoke_key(Services& services, Request& request);

// journal.cpp
Async<Response> journal_stat(Services& services, Request& request);
Async<Response> journal_cat(Services& services, Request& request);
Async<Response> journal_verify(Services& services, Request& request);

// ledger.cpp
Async<Response> ledger_balance(Services& services, Request& request);
Async<Response> account_statement(Services& services, Request& request);
Async<Response> ledger_check(Services& services, Request& request);

// projections.cpp
Async<Response> projection_list(Services& services, Request& request);
Async<Response> projection_rebuild(Services& services, Request& request);
Async<Response> projection_digest(Services& services, Request& request);

}  // namespace groundtruth::ops
