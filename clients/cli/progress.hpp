// One line on the terminal that says how far a transfer is.
#pragma once

#include "transfer.hpp"

#include "benchfs/base/clock.hpp"

#include <string>

namespace benchfs::cli {

/// The line for these counts after `seconds`, at most `columns` wide: bar, per cent, bytes, rate, time left.
/// What does not fit is left out, the bar first.
[[nodiscard]] std::string progress_line(const transfer_counts& counts, double seconds, std::size_t columns);

class progress {
public:
    /// Draws on standard error, and only if that is a terminal and `wanted`.
    progress(const transfer_counts& counts, bool wanted);
    ~progress() { clear(); }
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    /// To be called often; draws ten times a second at most. The terminal's width is asked for each time.
    void tick();
    /// Takes the line away.
    void clear();
    [[nodiscard]] double seconds() const;

private:
    const transfer_counts& counts_;
    bool on_;
    bool drawn_ = false;
    steady_clock clock_;
    time_point started_;
    time_point last_{};
};

} // namespace benchfs::cli
