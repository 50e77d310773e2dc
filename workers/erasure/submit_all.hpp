// Several commands at once, and whether the journal took them all.
#pragma once

#include <functional>
#include <vector>

#include "journal/ports.hpp"
#include "journal/submission.hpp"

namespace groundtruth::workers {

using Submit = std::function<void(journal::Submission)>;  // Node::submit

// Submits them side by side and waits for every answer, ten seconds at most: true when all were accepted.
// Sets their deadlines and callbacks. For a worker's own thread: it blocks.
bool submit_all(const Submit& submit, journal::Clock& clock, std::vector<journal::Submission> submissions);

}  // namespace groundtruth::workers
