// A bounded queue in which no subject waits behind all that another one has put in: each subject (an address,
// an account) has a line of its own, and the lines take turns.
//
// One thread at a time. Full, it makes room for a short line at the cost of the longest one.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace groundtruth::http {

template <class Item>
class FairQueue {
 public:
  // `max_of_subject` holds for each named subject; all that have no name ("") share one line with no bound of
  // its own.
  FairQueue(std::size_t max_items, std::size_t max_of_subject)
      : max_items_(max_items), max_of_subject_(max_of_subject) {}

  struct Pushed {
    bool is_taken;
    std::optional<Item>
        gone;  // the item itself where it was not taken; else who made room for it, if any did
  };
  Pushed push(std::string_view subject, Item item) {
    const auto found = by_subject_.find(subject);
    const std::size_t before = found == by_subject_.end() ? 0 : found->second->items.size();
    if (!subject.empty() && before >= max_of_subject_) return {false, std::move(item)};
    std::optional<Item> displaced;
    if (size_ >= max_items_) {
      const auto longest = longest_line();
      if (longest == lines_.end() || longest->items.size() <= before + 1) return {false, std::move(item)};
      displaced = std::move(longest->items.back());
      longest->items.pop_back();
      --size_;
    }
    const auto line = found == by_subject_.end() ? add_line(subject) : found->second;
    line->items.push_back(std::move(item));
    ++size_;
    return {true, std::move(displaced)};
  }

  // The oldest item of the subject whose turn it is.
  std::optional<Item> pop() {
    if (size_ == 0) return std::nullopt;
    Line& line = lines_.front();
    std::optional<Item> item(std::move(line.items.front()));
    line.items.pop_front();
    --size_;
    if (line.items.empty()) {
      by_subject_.erase(line.subject);
      lines_.pop_front();
    } else {
      lines_.splice(lines_.end(), lines_, lines_.begin());
    }
    return item;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Line {
    std::string subject;
    std::deque<Item> items;  // never empty between calls
  };
  using Lines = std::list<Line>;

  typename Lines::iterator add_line(std::string_view subject) {
    lines_.push_back({std::string(subject), {}});
    const auto line = std::prev(lines_.end());
    by_subject_.emplace(line->subject, line);
    return line;
  }

  typename Lines::iterator longest_line() {
    auto longest = lines_.begin();
    for (auto line = lines_.begin(); line != lines_.end(); ++line)
      if (line->items.size() > longest->items.size()) longest = line;
    return longest;
  }

  const std::size_t max_items_, max_of_subject_;
  std::size_t size_ = 0;
  Lines lines_;                                                                // in the order of their turns
  std::unordered_map<std::string_view, typename Lines::iterator> by_subject_;  // keys live in the lines
};

}  // namespace groundtruth::http
