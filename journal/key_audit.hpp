// Whether the key store still has what the history was sealed with. The journal names the owner of every
// sealed value and says who was erased; the key store has a key for each owner, or the tombstone of a
// destroyed one. Neither is believed about itself: each is held against the other.
//
// Threads: one at a time. Memory: some 80 bytes an owner.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/chain.hpp"
#include "journal/commit.hpp"
#include "journal/journal.hpp"
#include "journal/key_store.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::journal {

// Under this and their name stands that an operator gave an owner's lost key up: there is a tombstone then,
// and no erasure. As kMasterKeyCheck, it is no owner's name.
inline constexpr std::string_view kGivenUp = "\x01 given up ";

// What is wrong, by owner. The first three are losses; the last two are mended by destroying the key (again).
struct KeyFindings {
  std::vector<std::string> lost;       // no key and no tombstone, though nobody erased them
  std::vector<std::string> damaged;    // a key that does not open
  std::vector<std::string> destroyed;  // a tombstone, though nobody erased them
  std::vector<std::string> revived;    // a key, though they were erased: not destroyed yet, or come back
  std::vector<std::string> unmarked;   // neither key nor tombstone, and they were erased

  bool is_loss() const { return !lost.empty() || !damaged.empty() || !destroyed.empty(); }
};

// What is lost and what to do, for people; "" where nothing is. `place` names the key store.
std::string describe_loss(const KeyFindings& findings, const std::string& place);

// Whom the records that it was shown name.
class SealedOwners {
 public:
  SealedOwners();
  // Of an accepted record. One that names nobody costs a search for three words. Throws UnreadableCommit.
  void look(std::string_view record);
  void add(std::string owner, bool erased);

  // Sorted, each once.
  const std::vector<std::pair<std::string, bool>>& all();
  bool is_erased(const std::string& owner);

 private:
  void merge();

  std::vector<std::pair<std::string, bool>> owners_;  // and whether they were erased
  std::size_t merged_ = 0;                            // that many are sorted, each once
  std::shared_ptr<class MentionedKeys> mentioned_;
  std::unique_ptr<CommitCodec> codec_;
};

// Every key of the store, by rows: what KeyStore::for_each gives.
using AllKeys = std::function<void(const KeyStore::Row& row)>;
// What is wrong where all was read, and nobody erased anybody since.
KeyFindings compare(SealedOwners& owners, const AllKeys& keys);

// Reads a journal for it, from the places where somebody stands who has seen what lies before.
class KeyAudit {
 public:
  explicit KeyAudit(const Journal& journal) : journal_(&journal) {}

  // Owners that lie before the places.
  SealedOwners& owners() { return owners_; }
  void start_behind(Partition partition, const Head& head, std::uint64_t next_offset);

  // To the end that the journal has now. Throws what reading and decoding throw.
  void read_on();

  // `compare`, while others may erase somebody.
  KeyFindings check(const AllKeys& keys);

 private:
  struct Place {
    Chain chain;
    std::uint64_t next_offset = 0;
  };
  void read_on(Partition partition, std::uint64_t end);

  const Journal* journal_;
  std::array<Place, kPartitionTotal> places_;
  SealedOwners owners_;
};

}  // namespace groundtruth::journal
