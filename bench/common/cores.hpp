// Which cores a benchmark gives to its two processes.
#pragma once

namespace benchfs::bench {

/// Cores of the process that measures and of the one it talks to; -1: not pinned.
struct core_pair {
    int near = -1;
    int far = -1;
};

/// Fills in what is open with cores that this process may use, two different ones where there are two. Ask
/// before the process pins itself.
[[nodiscard]] core_pair complete(core_pair wanted);

} // namespace benchfs::bench
