// Reads of the wallets projection: a wallet, its statement, and all wallets as of one moment.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/wallet.hpp"
#include "journal/position.hpp"
#include "projections/file.hpp"
#include "projections/read_pool.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

// Where a posting stands: its commit, and which of that commit's events it is, from 0. Places never change,
// so one is also a cursor. As text "tasks.3.1234.1".
struct PostingPlace {
  journal::Position position;
  std::uint32_t event = 0;
  friend auto operator<=>(const PostingPlace&, const PostingPlace&) = default;
};
std::string to_string(const PostingPlace& place);
std::optional<PostingPlace> parse_posting_place(std::string_view text);

struct StoredPosting {
  PostingPlace place;
  domain::Timestamp at;
  domain::PostingReason reason{};
  std::string reference;
  std::vector<domain::PostingEntry> entries;
};

struct WalletStatement {
  std::vector<StoredPosting> postings;  // oldest first
  bool more = false;                    // there are postings behind the last one
};

using LedgerSums = std::array<domain::Cents, domain::kLedgerAccounts>;  // by LedgerAccount

struct TrialBalance {
  std::uint64_t wallets = 0;
  LedgerSums sums{};  // over all wallets; they sum to zero
};

// Every wallet as of one moment: what the file holds of each partition up to its checkpoint.
struct WalletSnapshot {
  Checkpoints checkpoints;
  std::unordered_map<std::string, Versioned<domain::Wallet>> wallets;  // by stream_key
};

class WalletQueries {
 public:
  explicit WalletQueries(ReadPool& readers) : readers_(&readers) {}

  // nullopt: the account never moved money.
  std::optional<Versioned<domain::Wallet>> wallet(const domain::WalletId& id) const;

  // The postings behind `after` (the last of the page before); from the first one without it.
  // 1 ≤ limit ≤ kMaxPage.
  WalletStatement statement(const domain::WalletId& id, const std::optional<PostingPlace>& after,
                            std::uint32_t limit) const;

  // Both walk over all wallets on one snapshot: seconds for millions. The second keeps about 250 bytes of
  // each.
  TrialBalance trial_balance() const;
  WalletSnapshot snapshot() const;

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
