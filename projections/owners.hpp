// Whose personal data the journal holds, as the read models of accounts and workers know it.
#pragma once

#include <functional>
#include <string>

#include "projections/projector.hpp"

namespace groundtruth::projections {

// Ids of accounts and workers, and whether they were erased: walks over all of both. Throws sqlite::Error,
// and std::runtime_error where a row cannot be read.
void for_each_owner(Projector& projector, const std::function<void(std::string owner, bool erased)>& take);

}  // namespace groundtruth::projections
