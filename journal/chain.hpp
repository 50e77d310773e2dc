// The chain rule (JOURNAL, "Record"): the one test that makes a log a history. Pure; one object for each
// partition.
#pragma once

#include <string_view>

#include "journal/record.hpp"
#include "journal/rules.hpp"

namespace groundtruth::journal {

struct Link {
  bool accepted = false;
  CommitId id;                         // of the record's bytes, accepted or not
  std::optional<RecordPrefix> prefix;  // nullopt: not a record of this format at all
};

template <class Rules = ProtocolRules>
class BasicChain {
 public:
  BasicChain() = default;
  explicit BasicChain(const Head& head) : head_(head) {}

  // Accepts the record and moves the head, or leaves everything as it was: the record is an orphan.
  Link feed(std::string_view value) { return feed(value, id_of(value)); }
  // `id` must be that of `value`: for who hashed it before.
  Link feed(std::string_view value, const CommitId& id) {
    Link link{false, id, parse_prefix(value)};
    if (!link.prefix || link.prefix->seq != head_.next_seq()) return link;
    if (Rules::kAcceptanceChecksPrev && link.prefix->prev != head_.id) return link;
    link.accepted = true;
    head_ = Head{true, link.prefix->seq, link.id};
    return link;
  }

  const Head& head() const { return head_; }

 private:
  Head head_;
};
using Chain = BasicChain<>;

}  // namespace groundtruth::journal
