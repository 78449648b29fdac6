// Deadlines: arming and cancelling are a few instructions and never allocate.
//
// Three levels of 256 slots; a tick is 2^22 ns (about 4.2 ms), so a timer fires up to one tick late and never
// early. The wheel owns nothing; a timer unlinks itself when it dies.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/base/intrusive_list.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace benchfs::runtime {

/// The part of a timer that belongs to its wheel.
class timer_entry : public list_hook<> {
    friend class timer_wheel;
    std::uint64_t expiry_ = 0; // tick
};

/// Something with a deadline. `on_timer` is called once, from the loop; it may arm again, and arm or cancel
/// others.
class timer : public timer_entry {
public:
    virtual void on_timer() noexcept = 0;
    void cancel() noexcept { unlink(); }
    [[nodiscard]] bool armed() const noexcept { return linked(); }

protected:
    ~timer() { unlink(); }
};

class timer_wheel {
public:
    explicit timer_wheel(time_point start) noexcept : current_(tick_of(start)) {}

    /// (Re-)arms t; a time in the past fires at the next advance. Gives the time by which advance() is wanted
    /// for it: not later than the tick in which it fires, maybe earlier (a slot to be spread); max() means
    /// never.
    time_point arm(timer& t, time_point when) noexcept;

    /// Fires what is due at `now`, tick by tick; true if anything fired. What a timer arms meanwhile fires in a
    /// later advance. A `now` before the last one does nothing.
    bool advance(time_point now) noexcept;

    /// When advance() is wanted next: what arm() gave, over all that are armed; max() when none is.
    [[nodiscard]] time_point next_wakeup() const noexcept;

private:
    static constexpr unsigned tick_bits = 22;
    static constexpr unsigned level_bits = 8;
    static constexpr std::size_t slots = std::size_t{1} << level_bits;
    static constexpr std::size_t levels = 3;

    [[nodiscard]] static std::uint64_t tick_of(time_point t) noexcept {
        const auto since = t.time_since_epoch().count();
        return since < 0 ? 0 : static_cast<std::uint64_t>(since) >> tick_bits;
    }
    [[nodiscard]] static time_point start_of(std::uint64_t tick) noexcept;
    std::uint64_t place(timer& t) noexcept;
    [[nodiscard]] std::uint64_t next_tick() const noexcept;
    bool fire(intrusive_list<timer>& slot) noexcept;
    void spread(std::size_t level) noexcept;

    std::uint64_t current_;    // every tick up to this one has been handled
    std::uint64_t target_ = 0; // where a running advance() will end
    std::array<std::array<intrusive_list<timer>, slots>, levels> wheel_;
};

} // namespace benchfs::runtime
