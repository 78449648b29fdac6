// The rows about messages: small operations and bulk data with the memory engine against UCX over shared
// memory, how fast processes start, and what they do to each other's cores.
#pragma once

#include "rounds.hpp"

namespace benchfs::bench {

/// False, with a line on standard error, if no server could be started.
[[nodiscard]] bool measure_messages(rounds& table);

} // namespace benchfs::bench
