// Time as an interface, so that a simulation can supply its own.
#pragma once

#include <chrono>

namespace benchfs {

using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using duration = std::chrono::nanoseconds;

/// Monotonic time. `now()` never goes back.
class clock {
public:
    virtual ~clock() = default;
    [[nodiscard]] virtual time_point now() const noexcept = 0;
};

/// The machine's monotonic clock (about 20 ns a call where the kernel exports it to user space).
class steady_clock final : public clock {
public:
    [[nodiscard]] time_point now() const noexcept override {
        return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now());
    }
};

} // namespace benchfs
