// The whole business in one place: every event, every aggregate, every command, and what each command reads.
//
// `decide` is pure: a command and the aggregates that it reads give events or a rejection. `evolve` applies
// one event. A default-constructed aggregate stands for a stream without events. Time arrives as `at`, the
// commit's own time.
#pragma once

#include <tuple>
#include <type_traits>
#include <variant>

#include "domain/account.hpp"
#include "domain/api_key.hpp"
#include "domain/assignment.hpp"
#include "domain/result.hpp"
#include "domain/task.hpp"
#include "domain/wallet.hpp"
#include "domain/worker.hpp"
#include "domain/writer.hpp"

namespace groundtruth::domain {

// A rejection that depends on state, of a command with an idempotency key: kept so that retries get the same
// answer (JOURNAL, Writer 6). Its stream is the command's id.
struct CommandRejected {
  static constexpr std::string_view kType = "command.rejected";
  static constexpr int kSchema = 1;
  Rejection rejection;
};
BOOST_DESCRIBE_STRUCT(CommandRejected, (), (rejection))

using Event =
    std::variant<EmailClaimed, EmailReleased, AccountCreated, AccountErased, ApiKeyCreated, ApiKeyUsed,
                 ApiKeyRevoked, WalletPosted, TaskCreated, TaskFunded, TaskCancelled, TaskExpired,
                 CommandRejected, TaskProgressed, TaskCompleted, LeaseGranted, LeaseEnded, UploadAnnounced,
                 SubmissionCreated, SubmissionApproved, SubmissionRejected, WorkerRegistered,
                 VerificationMailed, WorkerVerified, WorkerProfileChanged, WorkSettled, WorkerErased,
                 WriterAnnounced, WorkerMailRequested, WorkerMailSettled, WorkerPasswordSet,
                 TaskCheckoutRenewed, SubmissionContested, ContestDecided, SubmissionDiscarded>;
using Aggregate = std::variant<EmailClaim, Account, ApiKey, Wallet, Task, Assignment, Worker, Writer>;
using Command =
    std::variant<CreateAccount, EraseAccount, CreateApiKey, UseApiKey, RevokeApiKey, Deposit, CreateTask,
                 FundTask, CancelTask, ExpireTask, AcceptTask, ReleaseTask, AnnounceUpload, SubmitProof,
                 ApproveSubmission, RejectSubmission, PassTime, RegisterWorker, YieldAddress,
                 LapseRegistration, RequestWorkerMail, SettleWorkerMail, VerifyWorker, SetWorkerPassword,
                 ChangeWorkerProfile, SettleWork, EraseWorker, AnnounceWriter, RenewCheckout,
                 ContestSubmission, DecideContest, DiscardSubmission>;
using Decision = BasicDecision<Event>;

// Which aggregate an event belongs to: the one that has an `evolve` for it.
template <class State, class E>
concept EvolvesBy = requires(State& state, const E& event) { evolve(state, event, Timestamp{}); };

// An id that was made for this very command: its stream cannot exist yet, and nobody need look.
template <class Id>
struct New {
  const Id& id;
};
template <class Id>
New(const Id&) -> New<Id>;

// --- what a command reads, and its decision over exactly that
// ---------------------------------------------------------

inline auto reads(const CreateAccount& c) {
  return std::tuple{c.email_claim, c.account};
}
inline auto reads(const EraseAccount& c) {
  return std::tuple{c.email_claim, c.account};
}
inline auto reads(const CreateApiKey& c) {
  return std::tuple{c.account, New{c.key}};
}
inline auto reads(const UseApiKey& c) {
  return std::tuple{c.key};
}
inline auto reads(const RevokeApiKey& c) {
  return std::tuple{c.key};
}
inline auto reads(const Deposit& c) {
  return std::tuple{c.account, wallet_of(c.account)};
}
inline auto reads(const CreateTask& c) {
  return std::tuple{c.account, New{c.task}};
}
inline auto reads(const RenewCheckout& c) {
  return std::tuple{c.account, c.task};
}
inline auto reads(const FundTask& c) {
  return std::tuple{c.task, wallet_of(c.account)};
}
inline auto reads(const CancelTask& c) {
  return std::tuple{c.task, wallet_of(c.account)};
}
inline auto reads(const ExpireTask& c) {
  return std::tuple{c.task, wallet_of(c.account)};
}
inline auto reads(const AcceptTask& c) {
  return std::tuple{c.task, c.assignment};
}
inline auto reads(const ReleaseTask& c) {
  return std::tuple{c.task, c.assignment};
}
inline auto reads(const AnnounceUpload& c) {
  return std::tuple{c.assignment};
}
inline auto reads(const SubmitProof& c) {
  return std::tuple{c.task, c.assignment};
}
inline auto reads(const ApproveSubmission& c) {
  return std::tuple{c.task, c.assignment, wallet_of(c.account)};
}
inline auto reads(const RejectSubmission& c) {
  return std::tuple{c.task, c.assignment, wallet_of(c.account)};
}
inline auto reads(const ContestSubmission& c) {
  return std::tuple{c.assignment};
}
inline auto reads(const DecideContest& c) {
  return std::tuple{c.assignment, wallet_of(c.account)};
}
inline auto reads(const DiscardSubmission& c) {
  return std::tuple{c.assignment};
}
inline auto reads(const PassTime& c) {
  return std::tuple{c.task, c.assignment, wallet_of(c.account)};
}
inline auto reads(const RegisterWorker& c) {
  return std::tuple{c.email_claim, New{c.worker}};
}
inline auto reads(const YieldAddress& c) {
  return std::tuple{c.email_claim, c.worker};
}
inline auto reads(const LapseRegistration& c) {
  return std::tuple{c.email_claim, c.worker};
}
inline auto reads(const RequestWorkerMail& c) {
  return std::tuple{c.worker};
}
inline auto reads(const SettleWorkerMail& c) {
  return std::tuple{c.worker};
}
inline auto reads(const VerifyWorker& c) {
  return std::tuple{c.email_claim, c.worker};
}
inline auto reads(const SetWorkerPassword& c) {
  return std::tuple{c.worker};
}
inline auto reads(const ChangeWorkerProfile& c) {
  return std::tuple{c.worker};
}
inline auto reads(const SettleWork& c) {
  return std::tuple{c.worker, wallet_of(account_of(c.worker))};
}
inline auto reads(const EraseWorker& c) {
  return std::tuple{c.email_claim, c.worker};
}
inline auto reads(const AnnounceWriter& c) {
  return std::tuple{c.writer};
}

Decision decide(const CreateAccount&, const EmailClaim&, const Account&, Timestamp at);
Decision decide(const EraseAccount&, const EmailClaim&, const Account&, Timestamp at);
Decision decide(const CreateApiKey&, const Account&, const ApiKey&, Timestamp at);
Decision decide(const UseApiKey&, const ApiKey&, Timestamp at);
Decision decide(const RevokeApiKey&, const ApiKey&, Timestamp at);
Decision decide(const Deposit&, const Account&, const Wallet&, Timestamp at);
Decision decide(const CreateTask&, const Account&, const Task&, Timestamp at);
Decision decide(const RenewCheckout&, const Account&, const Task&, Timestamp at);
Decision decide(const FundTask&, const Task&, const Wallet&, Timestamp at);
Decision decide(const CancelTask&, const Task&, const Wallet&, Timestamp at);
Decision decide(const ExpireTask&, const Task&, const Wallet&, Timestamp at);
Decision decide(const AcceptTask&, const Task&, const Assignment&, Timestamp at);
Decision decide(const ReleaseTask&, const Task&, const Assignment&, Timestamp at);
Decision decide(const AnnounceUpload&, const Assignment&, Timestamp at);
Decision decide(const SubmitProof&, const Task&, const Assignment&, Timestamp at);
Decision decide(const ApproveSubmission&, const Task&, const Assignment&, const Wallet&, Timestamp at);
Decision decide(const RejectSubmission&, const Task&, const Assignment&, const Wallet&, Timestamp at);
Decision decide(const ContestSubmission&, const Assignment&, Timestamp at);
Decision decide(const DecideContest&, const Assignment&, const Wallet&, Timestamp at);
Decision decide(const DiscardSubmission&, const Assignment&, Timestamp at);
Decision decide(const PassTime&, const Task&, const Assignment&, const Wallet&, Timestamp at);
Decision decide(const RegisterWorker&, const EmailClaim&, const Worker&, Timestamp at);
Decision decide(const YieldAddress&, const EmailClaim&, const Worker&, Timestamp at);
Decision decide(const LapseRegistration&, const EmailClaim&, const Worker&, Timestamp at);
Decision decide(const RequestWorkerMail&, const Worker&, Timestamp at);
Decision decide(const SettleWorkerMail&, const Worker&, Timestamp at);
Decision decide(const VerifyWorker&, const EmailClaim&, const Worker&, Timestamp at);
Decision decide(const SetWorkerPassword&, const Worker&, Timestamp at);
Decision decide(const ChangeWorkerProfile&, const Worker&, Timestamp at);
Decision decide(const SettleWork&, const Worker&, const Wallet&, Timestamp at);
Decision decide(const EraseWorker&, const EmailClaim&, const Worker&, Timestamp at);
Decision decide(const AnnounceWriter&, const Writer&, Timestamp at);

// --- over variants, for those who drive the domain
// ------------------------------------------------------------------

namespace detail {
template <class Key, class Variant>
struct AggregateFor;
template <class Key, class... States>
struct AggregateFor<Key, std::variant<States...>> {
  template <class S>
  struct Self {
    using type = S;
  };
  template <class S, class... Rest>
  static auto find() {
    if constexpr (std::is_same_v<typename S::Key, Key>)
      return Self<S>{};
    else
      return find<Rest...>();
  }
  using type = typename decltype(find<States...>())::type;
};
}  // namespace detail

// Account for AccountId, and so on.
template <class Key>
using AggregateOf = typename detail::AggregateFor<Key, Aggregate>::type;

// `lookup(id, is_new)` returns `const AggregateOf<Id>&`, valid until decide returns; where `is_new` nothing
// was ever written under that id, and nobody need look.
template <class Lookup>
Decision decide(const Command& command, Timestamp at, Lookup&& lookup) {
  const auto look_up = [&]<class Id>(const Id& id) -> const auto& {
    if constexpr (requires { id.id; })
      return lookup(id.id, true);
    else
      return lookup(id, false);
  };
  return std::visit(
      [&](const auto& c) {
        return std::apply([&](const auto&... ids) { return decide(c, look_up(ids)..., at); }, reads(c));
      },
      command);
}

// False when the event is not one of this aggregate: history and code disagree, and the caller must stop.
bool evolve(Aggregate& state, const Event& event, Timestamp at);

// The empty aggregate that such an event begins, e.g. Task for TaskCreated; nullopt for events that no
// aggregate keeps.
std::optional<Aggregate> aggregate_for(const Event& event);

std::string_view name_of(const Command& command);

// Whose data key is to be destroyed because of this event; nullopt: nobody's.
std::optional<std::string> erased_owner(const Event& event);

}  // namespace groundtruth::domain
