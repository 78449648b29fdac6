// The rows about many of something: what a file and a client cost a server in memory, and whether a crowd of
// clients is served evenly.
#pragma once

#include "rounds.hpp"

namespace benchfs::bench {

void measure_crowds(rounds& table);

} // namespace benchfs::bench
