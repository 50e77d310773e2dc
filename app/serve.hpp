// `groundtruth serve`: the composition root of the running server.
#pragma once

#include "app/config.hpp"
#include "app/exit_code.hpp"

namespace groundtruth::app {

// Runs until SIGTERM or SIGINT. Throws CommandError when it cannot start.
ExitCode serve(const Settings& settings);

}  // namespace groundtruth::app
