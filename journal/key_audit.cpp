// See key_audit.hpp.
#include "journal/key_audit.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

namespace groundtruth::journal {
namespace {

constexpr std::size_t kReadRecords = 8'192;
constexpr std::size_t kNamed = 5;  // owners in a message

// A record that seals something, or says that somebody was erased, holds one of these. Others may hold them
// too, in what people wrote: they are read, and name nobody.
constexpr std::string_view kMarkers[] = {R"("box":")", domain::AccountErased::kType,
                                         domain::WorkerErased::kType};

std::string some_of(const std::vector<std::string>& owners) {
  std::string out = " (";
  for (std::size_t i = 0; i < std::min(owners.size(), kNamed); ++i) out += (i == 0 ? "" : ", ") + owners[i];
  return out + (owners.size() > kNamed ? ", …)" : ")");
}

}  // namespace

// Has no key, and remembers who was asked for.
class MentionedKeys final : public KeyStore {
 public:
  std::optional<DataKey> get(std::string_view owner) override {
    names.emplace_back(owner);
    return std::nullopt;
  }
  bool was_destroyed(std::string_view) override { return true; }
  std::optional<DataKey> get_or_create(std::string_view) override { return std::nullopt; }
  void destroy(std::string_view) override {}
  void for_each(const Row&) override {}

  std::vector<std::string> names;
};

SealedOwners::SealedOwners()
    : mentioned_(std::make_shared<MentionedKeys>()),
      codec_(std::make_unique<CommitCodec>("", mentioned_, system_randomness())) {}

void SealedOwners::look(std::string_view record) {
  if (std::none_of(std::begin(kMarkers), std::end(kMarkers),
                   [&](std::string_view marker) { return record.find(marker) != record.npos; }))
    return;
  mentioned_->names.clear();
  const auto commit = codec_->decode(record);
  for (auto& owner : mentioned_->names) add(std::move(owner), false);
  for (const auto& event : commit.events)
    if (auto owner = domain::erased_owner(event.data)) add(std::move(*owner), true);
}

void SealedOwners::add(std::string owner, bool erased) {
  owners_.emplace_back(std::move(owner), erased);
  if (owners_.size() >= 2 * merged_ + 4'096) merge();
}

void SealedOwners::merge() {
  std::sort(owners_.begin(), owners_.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;  // erased first: it is for ever
  });
  owners_.erase(std::unique(owners_.begin(), owners_.end(),
                            [](const auto& a, const auto& b) { return a.first == b.first; }),
                owners_.end());
  merged_ = owners_.size();
}

const std::vector<std::pair<std::string, bool>>& SealedOwners::all() {
  if (merged_ != owners_.size()) merge();
  return owners_;
}

bool SealedOwners::is_erased(const std::string& owner) {
  const auto& sorted = all();
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), owner,
                                      [](const auto& entry, const auto& name) { return entry.first < name; });
  return found != sorted.end() && found->first == owner && found->second;
}

void KeyAudit::start_behind(Partition partition, const Head& head, std::uint64_t next_offset) {
  if (journal_->end_offset(partition) < next_offset)
    throw std::runtime_error(to_string(partition) + " ends before what they have read");
  places_[index_of(partition)] = {Chain(head), next_offset};
}

void KeyAudit::read_on() {
  for (std::size_t i = 0; i < kPartitionTotal; ++i)
    read_on(partition_at(i), journal_->end_offset(partition_at(i)));
}

void KeyAudit::read_on(Partition partition, std::uint64_t end) {
  auto& [chain, next] = places_[index_of(partition)];
  while (next < end) {
    const auto wanted = std::min<std::uint64_t>(kReadRecords, end - next);
    const auto records = read_patiently(*journal_, partition, next, wanted);
    if (records.empty()) return;  // what is wrong with it, those say who follow it
    for (const auto& record : records) {
      next = record.offset + 1;
      const auto link = chain.feed(*record.value);
      if (link.accepted && link.prefix->seq > 0) owners_.look(*record.value);
    }
  }
}

KeyFindings compare(SealedOwners& sealed, const AllKeys& keys) {
  KeyFindings found;
  const auto& owners = sealed.all();
  auto next = owners.begin();
  const auto missing = [&](const std::pair<std::string, bool>& owner) {
    (owner.second ? found.unmarked : found.lost).push_back(owner.first);
  };
  std::set<std::string> given_up;  // their names stand before all owners'
  keys([&](const std::string& owner, KeyStore::State state) {
    if (owner.starts_with(kGivenUp)) {
      given_up.insert(owner.substr(kGivenUp.size()));
      return;
    }
    for (; next != owners.end() && next->first < owner; ++next) missing(*next);
    const bool is_named = next != owners.end() && next->first == owner;
    const bool is_erased = is_named && next->second;
    if (is_named) ++next;
    if (is_erased) {
      if (state != KeyStore::State::destroyed) found.revived.push_back(owner);
    } else if (state == KeyStore::State::damaged) {
      found.damaged.push_back(owner);
    } else if (is_named && state == KeyStore::State::destroyed && !given_up.contains(owner)) {
      found.destroyed.push_back(owner);
    }
  });
  for (; next != owners.end(); ++next) missing(*next);
  return found;
}

KeyFindings KeyAudit::check(const AllKeys& keys) {
  auto found = compare(owners_, keys);
  // Somebody may have been erased since the journal was read: the erasure comes before the destruction. Where
  // other nodes erase, this one may not have heard of it yet.
  if (!found.destroyed.empty() && journal_->info().read_is_durable) {
    read_on();
    std::erase_if(found.destroyed, [&](const std::string& owner) { return owners_.is_erased(owner); });
  } else {
    found.destroyed.clear();
  }
  return found;
}

std::string describe_loss(const KeyFindings& findings, const std::string& place) {
  if (!findings.is_loss()) return {};
  std::string out = "the data keys (" + place + ") are not those of this journal:";
  if (!findings.lost.empty())
    out += " " + std::to_string(findings.lost.size()) + " missing" + some_of(findings.lost) +
           ": the store was lost, cut, or is older than the journal;";
  if (!findings.damaged.empty())
    out += " " + std::to_string(findings.damaged.size()) + " damaged" + some_of(findings.damaged) + ";";
  if (!findings.destroyed.empty())
    out += " " + std::to_string(findings.destroyed.size()) + " destroyed" + some_of(findings.destroyed) +
           " whose erasure the journal does not have: the journal is older than the keys;";
  out +=
      findings.lost.empty() && findings.damaged.empty()
          ? " Restore the newest copy of the journal. Where there is no newer one, `groundtruth keys "
            "give-up` lets the server go on; what these said of themselves can never be read again."
          : " Without its key nothing that a person or company said of themselves can be read, and they "
            "can neither log in nor register again. Restore the newest copy of the data keys; the journal "
            "and the read models stay as they are. Where there is no copy, `groundtruth keys give-up` lets "
            "the server go on without them.";
  return out;
}

}  // namespace groundtruth::journal
