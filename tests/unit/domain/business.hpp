// A small company for the domain's tests: aggregates by stream, to which commands are given as a writer
// would.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "domain/domain.hpp"

namespace groundtruth::domain::test {

inline const AccountId kAcme{"org_01j9zq4k7w00a1b2c3d4e5f6g7"};
inline const AccountId kOther{"org_01j9zq4k7w00zzzzzzzzzzzzzz"};
inline const EmailClaimId kMail{"eml_0000000000002468acegjmprtw"};
inline const TaskId kTask{"tsk_01j9zq4k7w00h8j9k0m1n2p3q4"};
inline const ApiKeyId kKey{"key_01j9zq4k7w00r5s6t7v8w9x0y1"};
inline const CheckoutId kCheckout{"cko_01j9zq4k7w00z2a3b4c5d6e7f8"};
inline constexpr Timestamp kNow{1'781'793'120'000};

inline CreateTask street_scenes(Cents reward_cents = {250}, std::int64_t target_submissions = 100) {
  CreateTask c;
  c.task = kTask;
  c.account = kAcme;
  c.title = "Record a busy street scene";
  c.instructions = "Steady hand.";
  c.modalities = {Modality::video};
  c.reward_cents = reward_cents;
  c.target_submissions = target_submissions;
  c.checkout = kCheckout;
  c.funding_url = "https://pay.example/1";
  return c;
}

// Of the environment's SEED, else a new one; what uses it prints it.
inline std::uint64_t seed_of_run() {
  const char* given = std::getenv("SEED");  // NOLINT(concurrency-mt-unsafe)
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class Business {
 public:
  Timestamp now = kNow;

  // The rejection, or nullopt when the command was accepted and its events applied.
  std::optional<Rejection> give(const Command& command) {
    last_.clear();
    const auto lookup = [this]<class Id>(const Id& id, bool) -> const auto& {
      return get<AggregateOf<Id>>(id.value);
    };
    const Decision decision = decide(command, now, lookup);
    if (const auto* rejection = decision.rejection()) return *rejection;
    for (const auto& [stream, event] : decision.events()) {
      auto [place, is_new] = streams_.try_emplace(stream);
      if (is_new) place->second = aggregate_for(event).value();
      if (!evolve(place->second, event, now)) throw std::logic_error("an event of another aggregate");
      last_.push_back(event);
    }
    return std::nullopt;
  }

  // The code's name, "" when accepted: rows of a table read better so.
  std::string ask(const Command& command) {
    const auto rejection = give(command);
    return rejection ? boost::describe::enum_to_string(rejection->code, "?") : "";
  }

  // An event that no command leads to any more, as journals hold it.
  void happened(const std::string& stream, const Event& event) {
    auto [place, is_new] = streams_.try_emplace(stream);
    if (is_new) place->second = aggregate_for(event).value();
    if (!evolve(place->second, event, now)) throw std::logic_error("an event of another aggregate");
  }

  void has_account() { ask(CreateAccount{kAcme, kMail, Surface::groundtruth, "Acme", "a@acme.example"}); }
  void has_task() {
    has_account();
    ask(street_scenes());
  }
  void has_open_task() {
    has_task();
    ask(FundTask{kTask, kAcme, kCheckout, {25'000}});
  }

  template <class State>
  const State& get(const std::string& stream) {
    static const State none{};
    const auto found = streams_.find(stream);
    return found == streams_.end() ? none : std::get<State>(found->second);
  }
  const Account& account() { return get<Account>(kAcme.value); }
  const Task& task() { return get<Task>(kTask.value); }
  const ApiKey& key() { return get<ApiKey>(kKey.value); }
  const Wallet& wallet() { return get<Wallet>(wallet_of(kAcme).value); }
  const std::vector<Event>& last() const { return last_; }  // events of the last command

  template <class E>
  const E* last_event() const {
    for (const auto& event : last_)
      if (const auto* found = std::get_if<E>(&event)) return found;
    return nullptr;
  }

 private:
  std::map<std::string, Aggregate> streams_;
  std::vector<Event> last_;
};

}  // namespace groundtruth::domain::test
