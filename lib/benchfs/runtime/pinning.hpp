// Where a process runs and takes its memory from: one core, and that core's NUMA node.
//
// For front ends, first thing in main(): pages that were touched before stay where they are. Synchronous; works
// on the calling thread and on threads and memory that it makes later.
#pragma once

#include "benchfs/base/result.hpp"

#include <string>

namespace benchfs::runtime {

/// The cores that this process may run on, as "0-3,8"; empty if the kernel does not say.
[[nodiscard]] std::string allowed_cores();

/// The NUMA node of a core; -1 where the kernel knows none.
[[nodiscard]] int numa_node_of(int cpu);

/// Pins the thread to `cpu` (-1: leaves it) and prefers memory of node `numa` (-1: the core's own node, when a
/// core was given; nothing on machines without NUMA). bad_config with a text in `why` that names what is
/// allowed; otherwise the kernel's error.
[[nodiscard]] status pin_process(int cpu, int numa, std::string& why);

} // namespace benchfs::runtime
