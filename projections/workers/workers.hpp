// The workers projection: workers, their standing among each other, what they earned on which day, which
// mails wait to be sent, and which registrations wait for their address to be verified.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition workers_projection();

}  // namespace groundtruth::projections
