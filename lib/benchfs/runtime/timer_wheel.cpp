#include "benchfs/runtime/timer_wheel.hpp"

#include <algorithm>
#include <limits>

namespace benchfs::runtime {
namespace {

constexpr std::uint64_t no_tick = std::numeric_limits<std::uint64_t>::max();

} // namespace

time_point timer_wheel::start_of(std::uint64_t tick) noexcept {
    constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) >> tick_bits;
    if (tick >= last) { return time_point::max(); }
    return time_point{duration{static_cast<std::int64_t>(tick << tick_bits)}};
}

time_point timer_wheel::arm(timer& t, time_point when) noexcept {
    t.unlink();
    // Rounded up: never early. A deadline of "never" still has a tick, centuries away.
    constexpr std::uint64_t never = no_tick >> tick_bits;
    t.expiry_ = when == time_point::max() ? never : tick_of(when) + 1;
    t.expiry_ = std::max(t.expiry_, std::max(current_, target_) + 1);
    return start_of(place(t));
}

// Gives the tick at which the slot is looked at: when it fires, or is spread over finer ones.
std::uint64_t timer_wheel::place(timer& t) noexcept {
    const std::uint64_t distance = t.expiry_ - current_;
    for (std::size_t level = 0; level < levels; ++level) {
        const unsigned shift = level_bits * static_cast<unsigned>(level);
        if (distance < (slots << shift)) {
            wheel_[level][(t.expiry_ >> shift) % slots].push_back(t);
            return t.expiry_ >> shift << shift;
        }
    }
    // Beyond the horizon (19 hours): parked in the slot that is spread last.
    constexpr unsigned shift = level_bits * (levels - 1);
    const std::uint64_t parked = (current_ >> shift) + slots - 1;
    wheel_[levels - 1][parked % slots].push_back(t);
    return parked << shift;
}

bool timer_wheel::fire(intrusive_list<timer>& slot) noexcept {
    intrusive_list<timer> due;
    due.splice_back(slot); // a callback may cancel others that are due: they leave this list
    bool any = false;
    while (!due.empty()) {
        due.pop_front().on_timer();
        any = true;
    }
    return any;
}

void timer_wheel::spread(std::size_t level) noexcept {
    const unsigned shift = level_bits * static_cast<unsigned>(level);
    intrusive_list<timer> moved;
    moved.splice_back(wheel_[level][(current_ >> shift) % slots]);
    while (!moved.empty()) { place(moved.pop_front()); }
}

bool timer_wheel::advance(time_point now) noexcept {
    const std::uint64_t target = tick_of(now);
    if (target <= current_) { return false; }
    target_ = target;
    bool any = false;
    // From one occupied slot to the next: hours without a timer cost nothing.
    for (std::uint64_t next = next_tick(); next <= target; next = next_tick()) {
        current_ = next;
        if (current_ % slots == 0) {
            if ((current_ >> level_bits) % slots == 0) { spread(2); }
            spread(1);
        }
        any = fire(wheel_[0][current_ % slots]) || any;
    }
    current_ = target;
    return any;
}

std::uint64_t timer_wheel::next_tick() const noexcept {
    std::uint64_t best = no_tick;
    for (std::size_t level = 0; level < levels; ++level) {
        const unsigned shift = level_bits * static_cast<unsigned>(level);
        const std::uint64_t at = current_ >> shift;
        for (std::uint64_t i = 1; i <= slots && (at + i) << shift < best; ++i) {
            if (!wheel_[level][(at + i) % slots].empty()) { best = (at + i) << shift; }
        }
    }
    return best;
}

time_point timer_wheel::next_wakeup() const noexcept { return start_of(next_tick()); }

} // namespace benchfs::runtime
