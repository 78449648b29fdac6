// The one timer under the wheel: Boost.Asio's steady_timer in production, virtual time in a simulation.
#pragma once

#include "benchfs/base/clock.hpp"

#include <memory>

namespace benchfs::runtime {

class timer_source {
public:
    virtual ~timer_source() = default;
    /// Replaces the pending expiry, if any.
    virtual void arm(time_point when) = 0;
    /// True once after the expiry that was armed has passed. Does not block.
    virtual bool expired() = 0;
};

/// A Boost.Asio steady_timer on an io_context of its own. An arm() costs about a microsecond, so the loop arms
/// it only when the earliest deadline moves forward; the wheel does the rest.
[[nodiscard]] std::unique_ptr<timer_source> make_asio_timer_source();

} // namespace benchfs::runtime
