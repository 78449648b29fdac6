// How often an interrupted transfer is tried again before its caller is told.
#pragma once

#include "benchfs/base/errc.hpp"

namespace benchfs::uring {

class retry_budget {
public:
    /// Tries in a row without a byte moved: beyond that something is wrong.
    static constexpr int most_tries = 16;

    /// True if an operation that ended in `error` should be tried again.
    [[nodiscard]] bool again(errc error) noexcept {
        return (error == errc::interrupted || error == errc::try_again) && ++tries_ < most_tries;
    }
    void progress() noexcept { tries_ = 0; }

private:
    int tries_ = 0;
};

} // namespace benchfs::uring
