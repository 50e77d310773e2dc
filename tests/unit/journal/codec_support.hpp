// What the codec's tests share: an event of every type, and ports that repeat themselves.
#pragma once

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/domain.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/commit.hpp"
#include "journal/key_store.hpp"
#include "journal/ports.hpp"

namespace groundtruth::journal::test {

// SEED of the environment, else a new one; tests print it when they fail.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("SEED");  // NOLINT(concurrency-mt-unsafe)
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  }();
  return value;
}

// 0, 1, 2, …: golden bytes need nonces that never change.
class CountingRandomness : public Randomness {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

// The same key for every owner, none for those in `erased`.
class FixedKeyStore : public KeyStore {
 public:
  std::vector<std::string> erased;

  std::optional<DataKey> get(std::string_view owner) override {
    for (const auto& gone : erased)
      if (gone == owner) return std::nullopt;
    DataKey key;
    key.fill(0x42);
    return key;
  }
  std::optional<DataKey> get_or_create(std::string_view owner) override { return get(owner); }
  void destroy(std::string_view owner) override { erased.emplace_back(owner); }
  bool was_destroyed(std::string_view owner) override { return !get(owner); }
  void for_each(const Row& row) override {
    for (const auto& owner : erased) row(owner, State::destroyed);
  }
};

// Leaves sealed values as they are, so that whole events can be compared as text.
class PlainSealer : public codec::Sealer {
 public:
  void seal(std::string& out, std::string_view, std::string_view plain) override { out += plain; }
};

inline std::string plain_text(const domain::Event& event) {
  std::string out;
  PlainSealer plain;
  std::visit(
      [&](const auto& e) {
        out += std::remove_cvref_t<decltype(e)>::kType;
        out += ' ';
        codec::write_json(out, e, &plain);
      },
      event);
  return out;
}

inline constexpr std::string_view kJournal = "6f1c2a9e-3b1d-4c57-9a7e-0d2f4b6c8e10";
inline const domain::AccountId kAccount{"org_01j9zq4k7w00a1b2c3d4e5f6g7"};
inline const domain::AccountId kOtherAccount{"org_01j9zq4k7w00zzzzzzzzzzzzzz"};
inline const domain::TaskId kTask{"tsk_01j9zq4k7w00h8j9k0m1n2p3q4"};
inline const domain::ApiKeyId kKey{"key_01j9zq4k7w00r5s6t7v8w9x0y1"};
inline const domain::EmailClaimId kEmailClaim{"eml_0000000000002468acegjmprtw"};
inline const domain::CheckoutId kCheckout{"cko_01j9zq4k7w00z2a3b4c5d6e7f8"};
inline const domain::WorkerId kWorker{"wrk_01j9zq4k7w05g6h7j8k9m0n1p2"};
inline const domain::AssignmentId kAssignment{"asg_01j9zq4k7w00b2c3d4e5f6g7h8"};
inline const domain::SubmissionId kSubmission{"sub_01j9zq4k8x00k9m0n1p2q3r4s5"};
inline const domain::UploadId kUpload{"upl_01j9zq4k8x00v6w7x8y9z0a1b2"};
inline constexpr domain::Timestamp kAt{1'781'793'120'123};  // 2026-06-18T14:32:00.123Z

// One of each type, in the order of domain::Event. Where a field may be left out there is a second one.
inline std::vector<CommittedEvent> sample_events() {
  using namespace domain;
  TaskCreated task;
  task.task = kTask;
  task.account = kAccount;
  task.title = "Record a busy street scene";
  task.instructions = "Walk any public street for 30 s.\n\"Steady\" hand, no filters \\ é 街 🚶.";
  task.modalities = {Modality::video, Modality::audio};
  task.reward_cents = {250};
  task.target_submissions = 100;
  task.deadline = Timestamp{4'102'444'799'000};
  task.requirements = Requirements{{"driving"}, Area{{45'501'690, -73'567'253}, 25}};
  task.metadata = {R"({"campaign":"spring","batch":7,"deep":{"n":1.50,"x":null}})"};
  task.checkout = kCheckout;
  task.funding_url = "https://checkout.stripe.com/c/pay/cs_a1b2c3";
  task.checkout_until = Timestamp{kAt.ms + kCheckoutMs};

  std::vector<CommittedEvent> events;
  const auto add = [&](const std::string& stream, Event event) {
    events.push_back({stream, static_cast<std::uint32_t>(events.size() + 1), std::move(event)});
  };
  add(kEmailClaim.value, EmailClaimed{kAccount});
  add(kEmailClaim.value, EmailReleased{kAccount});
  add(kAccount.value, AccountCreated{kAccount,
                                     Surface::groundtruth,
                                     kEmailClaim,
                                     {"Street Scenes Inc."},
                                     {"data@street-scenes.example"}});
  add(kAccount.value, AccountErased{kAccount});
  add(kKey.value,
      ApiKeyCreated{kKey, kAccount, "ci", {Scope::read, Scope::write}, "gt_sk_01j9zq4k", "$2b$10$abc", kAt});
  add(kKey.value, ApiKeyUsed{to_minute(kAt)});
  add(kKey.value, ApiKeyRevoked{kKey});
  add(wallet_of(kAccount).value, transfer(kAccount, PostingReason::task_funding, kTask.value, Cents{25'000}));
  add(kTask.value, task);
  add(kTask.value, TaskFunded{kCheckout, Cents{25'000}});
  add(kTask.value, TaskCancelled{kTask, CancelReason::by_customer, Cents{24'750}});
  add(kTask.value, TaskExpired{kTask, Cents{24'750}});
  add(kTask.value, TaskProgressed{3, 2, 1});
  add(kTask.value, TaskCompleted{kTask, 100});
  const std::string sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  const auto on_assignment = [&](Event event) { add(kAssignment.value, std::move(event)); };
  on_assignment(
      LeaseGranted{kAssignment, 2, kTask, kAccount, kWorker, Cents{250}, Timestamp{kAt.ms + 1'800'000}});
  on_assignment(LeaseEnded{kAssignment, kTask, kWorker, LeaseEnd::expired});
  on_assignment(UploadAnnounced{kAssignment, 2, {kUpload, "video/mp4", 1'048'576, sha256}});
  on_assignment(SubmissionCreated{kSubmission,
                                  kAssignment,
                                  kTask,
                                  kAccount,
                                  kWorker,
                                  {{"video/mp4", 1'048'576, sha256, 31'250}, {"text/plain", 12, sha256, {}}},
                                  Timestamp{kAt.ms + kReviewMs}});
  on_assignment(
      SubmissionApproved{kSubmission, kAssignment, kTask, kAccount, kWorker, Approver::customer, Cents{250}});
  on_assignment(
      SubmissionRejected{kSubmission, kAssignment, kTask, kAccount, kWorker, "Too dark \u2014 sorry."});
  const Sealed<Area> area{{{45'501'690, -73'567'253}, 25}};
  const auto on_worker = [&](Event event) { add(kWorker.value, std::move(event)); };
  on_worker(WorkerRegistered{kWorker,
                             kEmailClaim,
                             {"Ada"},
                             {"ada@worker.example"},
                             {"$argon2id$v=19$x"},
                             {{"driving", "french"}},
                             {{Modality::video}},
                             area});
  on_worker(VerificationMailed{kWorker, true});
  on_worker(WorkerVerified{kWorker});
  on_worker(
      WorkerProfileChanged{kWorker, {"Ada L."}, {{"driving"}}, {{Modality::video, Modality::text}}, area});
  on_worker(WorkSettled{kWorker, kTask, kAssignment, WorkOutcome::approved, Cents{250}});
  on_worker(WorkerErased{kWorker});
  on_worker(WorkerMailRequested{kWorker, WorkerMail::password_reset});
  on_worker(WorkerMailSettled{kWorker, WorkerMail::verification, MailFate::refused});
  on_worker(WorkerPasswordSet{kWorker, {"$argon2id$v=19$y"}});
  add("wtr_00000000000300000000000000", WriterAnnounced{"10.1.2.3:7090"});
  add("cmd_01j9zq4k7w00aaaaaaaaaaaaaa", CommandRejected{{RejectionCode::insufficient_budget,
                                                         {{"budget_cents", 2'000}, {"required_cents", 2'500}},
                                                         {{"status", "open"}}}});
  add(kTask.value,
      TaskCheckoutRenewed{kTask, kAccount, Cents{250}, 100, kCheckout,
                          "https://checkout.stripe.com/c/pay/cs_d4e5f6", Timestamp{kAt.ms + kCheckoutMs}});
  on_assignment(SubmissionContested{kSubmission, kAssignment, kTask, kAccount, kWorker});
  on_assignment(
      ContestDecided{kSubmission, kAssignment, kTask, kAccount, kWorker, ContestOutcome::upheld, Cents{250}});
  on_assignment(SubmissionDiscarded{kSubmission, kAssignment, kTask, kWorker});
  return events;
}

inline Commit sample_commit() {
  Commit commit;
  commit.seq = 12;
  commit.prev.bytes.fill(0xAB);
  commit.at = kAt;
  commit.actor = {ActorKind::api_key, kKey.value, kAccount.value};
  commit.command = {{"cmd_01j9zq4k7w00bbbbbbbbbbbbbb"},
                    "task.create",
                    KeyedRequest{"k-1", "POST /api/v1/tasks", "00112233445566778899aabbccddeeff"}};
  commit.cause = Cause{{Topic::workers, 3}, 99, 0, "pay.0"};
  commit.events = sample_events();
  return commit;
}

}  // namespace groundtruth::journal::test
