// What tasks ask of workers, coarsely: tasks of one class ask for the same skills and modalities in the same
// part of the world, so that a worker is matched with a class once and not with each of its tasks.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/task.hpp"

namespace groundtruth::projections {

// Stored as JSON: whoever changes what it holds, or how a task comes to it, makes a new version of the
// projection.
struct FeedClass {
  std::vector<domain::Modality> modalities;
  std::vector<std::string> skills;
  std::optional<domain::Area> area;  // holds the areas of all its tasks; nullopt: anywhere
  friend bool operator==(const FeedClass&, const FeedClass&) = default;
};
BOOST_DESCRIBE_STRUCT(FeedClass, (), (modalities, skills, area))

FeedClass feed_class_of(const domain::Task& task);

// False: nobody with this offer can take any task of the class. True: perhaps; the task's own area decides.
bool may_suit(const domain::Offer& offer, const FeedClass& asks);

}  // namespace groundtruth::projections
