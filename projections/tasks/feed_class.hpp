// What tasks ask of workers, coarsely, in two parts that combine freely: skills and modalities, and a part of
// the world. There are few of each, so a worker is matched with them and not with every task.
//
// Both are stored as JSON: whoever changes what they hold, or how a task comes to them, makes a new version
// of the projection.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "domain/task.hpp"

namespace groundtruth::projections {

struct FeedAsk {
  std::vector<domain::Modality> modalities;
  std::vector<std::string> skills;
};
BOOST_DESCRIBE_STRUCT(FeedAsk, (), (modalities, skills))

FeedAsk feed_ask_of(const domain::Task& task);
bool suits(const domain::Offer& offer, const FeedAsk& ask);

// One that holds the areas of many tasks: of all whose middle lies in the same square degree and whose radius
// is about the same.
domain::Area feed_area_of(const domain::Area& area);
// True: perhaps; the task's own area decides.
bool may_reach(const domain::Offer& offer, const domain::Area& feed_area);

}  // namespace groundtruth::projections
