// Why the business says no. A rejection is a value: it is recorded in the journal, replayed to a retry, and
// each surface words it in its own format from the code and the details alone. Codes are storage: never
// renamed or removed.
#pragma once

#include <boost/describe.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace groundtruth::domain {

enum class RejectionCode : std::uint8_t {
  account_not_found,
  account_erased,
  email_taken,
  api_key_exists,
  api_key_not_found,
  key_expiry_in_past,
  task_exists,
  task_not_found,
  task_not_cancellable,
  task_not_fundable,
  deadline_in_past,
  insufficient_budget,
  amount_mismatch,
  insufficient_funds,
  version_mismatch,
  task_not_open,
  task_full,
  task_already_accepted,
  lease_not_found,
  lease_expired,
  already_submitted,
  too_many_uploads,
  uploads_too_large,
  submission_not_found,
  submission_decided,
  worker_not_found,
  worker_erased,
  task_unsuitable,
  lease_unseen,
  submission_not_contestable,
  contest_not_found,
  too_many_unpaid_tasks,
  too_many_leases,
  must_wait,
};
BOOST_DESCRIBE_ENUM(RejectionCode, account_not_found, account_erased, email_taken, api_key_exists,
                    api_key_not_found, key_expiry_in_past, task_exists, task_not_found, task_not_cancellable,
                    task_not_fundable, deadline_in_past, insufficient_budget, amount_mismatch,
                    insufficient_funds, version_mismatch, task_not_open, task_full, task_already_accepted,
                    lease_not_found, lease_expired, already_submitted, too_many_uploads, uploads_too_large,
                    submission_not_found, submission_decided, worker_not_found, worker_erased,
                    task_unsuitable, lease_unseen, submission_not_contestable, contest_not_found,
                    too_many_unpaid_tasks, too_many_leases, must_wait)
// A rejection without a name could not be handed from one node to another.
template <template <class...> class List, class... Each>
constexpr std::size_t length_of(List<Each...>) {
  return sizeof...(Each);
}
static_assert(length_of(boost::describe::describe_enumerators<RejectionCode>{}) ==
              static_cast<std::size_t>(RejectionCode::must_wait) + 1);

// What a retry gets again (CONTRACTS, Idempotency). Not where the request is wrong by itself or by the time,
// for its caller mends it and keeps the key; nor where whoever asked looked at an older state than the one
// that decides: asked again, it looks anew. Who lost the connection to the node that decided, and asks for
// the command, finds no trace of such a one.
constexpr bool is_for_good(RejectionCode code) {
  return code != RejectionCode::key_expiry_in_past && code != RejectionCode::deadline_in_past &&
         code != RejectionCode::insufficient_budget && code != RejectionCode::lease_unseen &&
         code != RejectionCode::too_many_unpaid_tasks && code != RejectionCode::too_many_leases &&
         code != RejectionCode::must_wait;
}

struct Rejection {
  RejectionCode code{};
  std::map<std::string, std::int64_t> numbers;  // e.g. budget_cents, required_cents
  std::map<std::string, std::string> words;     // e.g. status
  friend bool operator==(const Rejection&, const Rejection&) = default;
};
BOOST_DESCRIBE_STRUCT(Rejection, (), (code, numbers, words))

}  // namespace groundtruth::domain
