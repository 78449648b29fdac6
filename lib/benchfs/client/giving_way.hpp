// Reads and writes give way to truncations: what one overtook is done once more. While a truncation has not
// reached every server that is in vain, so they come back more slowly, and not for ever.
#pragma once

#include "benchfs/runtime/context.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>
#include <chrono>

namespace benchfs {

class giving_way {
public:
    /// ok, at once or after a pause: to be done once more. timed_out when that has gone on for `limit`. The
    /// object stays until this resumes.
    [[nodiscard]] runtime::task<status> once_more(duration limit) {
        const runtime::call_context& context = co_await runtime::current_context();
        const time_point now = context.owner->now();
        if (times_++ == 0) { until_ = now + limit; }
        if (now >= until_) { co_return errc::timed_out; }
        if (times_ <= at_once) { co_return ok(); }
        const duration pause = std::chrono::milliseconds(1) * (1 << std::min(times_ - at_once, 6));
        co_return co_await runtime::sleep_for(pause);
    }

private:
    static constexpr int at_once = 4; // most truncations are over by then
    int times_ = 0;
    time_point until_{};
};

} // namespace benchfs
