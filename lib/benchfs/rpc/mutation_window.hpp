// Numbers for mutations: at most 64 consecutive ones are unanswered, so that the server can keep a reply for
// each.
#pragma once

#include "benchfs/runtime/event.hpp"

#include <cstdint>

namespace benchfs::rpc {

/// Mutations that a client may have unanswered at one server; more wait in the client.
inline constexpr std::uint32_t max_mutations = 64;

class mutation_window {
public:
    [[nodiscard]] bool full() const noexcept { return next_ - lowest_ >= max_mutations; }
    /// Resumes when there may be room again (or with the reason of a stop); check full() again.
    [[nodiscard]] runtime::event::awaiter room() noexcept {
        moved_.reset();
        return moved_.wait();
    }
    /// The number of a new mutation, unanswered from now on. Requires !full().
    [[nodiscard]] std::uint64_t take() noexcept { return next_++; }
    /// Its caller has the answer, or gave up for good.
    void answered(std::uint64_t sequence) noexcept {
        done_ |= std::uint64_t{1} << sequence % max_mutations;
        const std::uint64_t before = lowest_;
        while (lowest_ != next_ && (done_ >> lowest_ % max_mutations & 1) != 0) {
            done_ &= ~(std::uint64_t{1} << lowest_ % max_mutations);
            ++lowest_;
        }
        if (lowest_ != before) { moved_.set(); }
    }
    [[nodiscard]] std::uint64_t lowest_unanswered() const noexcept { return lowest_; }

private:
    std::uint64_t lowest_ = 1;
    std::uint64_t next_ = 1;
    std::uint64_t done_ = 0; // answered numbers in [lowest_, next_), a bit each
    runtime::event moved_;
};

} // namespace benchfs::rpc
