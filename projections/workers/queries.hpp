// Reads of the workers projection.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error; a missing row is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/worker.hpp"
#include "projections/due.hpp"
#include "projections/read_pool.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

struct Earned {
  domain::Cents cents;
  std::int64_t approved = 0;  // submissions
};

struct EarnedOnDay {
  std::int64_t day = 0;  // since 1970-01-01, UTC
  Earned earned;
};

struct WaitingMail {
  domain::WorkerId worker;
  domain::WorkerMail mail{};
  domain::Timestamp requested_at;
};

struct Standing {
  std::uint64_t rank = 0;  // from 1; equals by approved and trust have ranks all the same, by id
  domain::Worker worker;
};

class WorkerQueries {
 public:
  explicit WorkerQueries(ReadPool& readers) : readers_(&readers) {}

  std::optional<Versioned<domain::Worker>> worker(const domain::WorkerId& id) const;

  // From that day to that one, both included.
  Earned earned(const domain::WorkerId& id, std::int64_t from_day, std::int64_t to_day) const;
  // The days with earnings among them, newest first.
  std::vector<EarnedOnDay> earned_by_day(const domain::WorkerId& id, std::int64_t from_day,
                                         std::int64_t to_day) const;

  // By approved submissions, then by trust. Workers without approved work stand nowhere.
  std::vector<Standing> leaderboard(std::uint64_t offset, std::uint32_t limit) const;
  std::uint64_t standings() const;  // how many
  std::optional<std::uint64_t> rank(const domain::WorkerId& id) const;

  // What is to be sent, the newest first.
  std::vector<WaitingMail> waiting_mails(std::uint32_t limit) const;

  // Who registered last with that address of those who did not verify it yet.
  std::optional<domain::Worker> last_registration(const domain::EmailClaimId& claim) const;
  // Registrations that lapse at `now`, in the order of their time.
  DueLook<domain::LapseRegistration> due(domain::Timestamp now, const std::optional<DuePlace>& after,
                                         std::uint32_t limit) const;

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
