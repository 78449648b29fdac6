// mutex: coroutines take turns around a co_await. (Between two suspensions nothing else runs: no lock needed.)
#pragma once

#include "benchfs/runtime/semaphore.hpp"

namespace benchfs::runtime {

/// First come, first served. Not recursive. Destroying it while somebody waits asserts.
class mutex {
public:
    /// Unlocks when it dies.
    using guard = permit;

    /// `BFS_CO_TRY(auto guard, co_await m.lock());` — a guard, or the reason when the caller's tree is stopped
    /// while it waits; a free mutex is given even then.
    [[nodiscard]] semaphore::permit_awaiter lock() noexcept { return one_.acquire_permit(); }
    /// Empty when somebody has it.
    [[nodiscard]] guard try_lock() noexcept { return one_.try_acquire_permit(); }
    [[nodiscard]] bool locked() const noexcept { return one_.available() == 0; }

private:
    semaphore one_{1};
};

} // namespace benchfs::runtime
