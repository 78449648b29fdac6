// The ready queue, and who is picked from it.
//
// Every asynchronous wake-up goes through here, which bounds the stack and gives a simulation its choice point:
// `fifo` for production, `seeded` runs any ready coroutine next, the same ones for the same seed.
#pragma once

#include "benchfs/base/types.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace benchfs::runtime {

enum class pick_policy : std::uint8_t { fifo, seeded };

class scheduler {
public:
    explicit scheduler(pick_policy policy = pick_policy::fifo, std::uint64_t seed = 1)
        : ring_(1024), policy_(policy), state_(mix64(seed + 0x9e3779b97f4a7c15ULL)) {}

    /// Makes a suspended coroutine run in a later step of the loop. Allocates only when more coroutines are
    /// ready than ever before (the bound is the number of live coroutines).
    void push(std::coroutine_handle<> ready) {
        if (count_ == ring_.size()) { grow(); }
        ring_[(head_ + count_++) & (ring_.size() - 1)] = ready;
    }

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

    /// Runs at most `budget` coroutines; returns how many ran.
    std::size_t run(std::size_t budget) {
        std::size_t ran = 0;
        while (ran < budget && count_ != 0) {
            pop().resume();
            ++ran;
        }
        return ran;
    }

private:
    std::coroutine_handle<> pop() noexcept {
        const std::size_t mask = ring_.size() - 1;
        if (policy_ == pick_policy::seeded) [[unlikely]] {
            state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
            const std::size_t pick = static_cast<std::size_t>(state_ >> 33) % count_;
            std::swap(ring_[head_], ring_[(head_ + pick) & mask]);
        }
        std::coroutine_handle<> next = ring_[head_];
        head_ = (head_ + 1) & mask;
        --count_;
        return next;
    }

    void grow() {
        std::vector<std::coroutine_handle<>> larger(ring_.size() * 2);
        for (std::size_t i = 0; i < count_; ++i) { larger[i] = ring_[(head_ + i) & (ring_.size() - 1)]; }
        ring_.swap(larger);
        head_ = 0;
    }

    std::vector<std::coroutine_handle<>> ring_; // a power of two
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    pick_policy policy_;
    std::uint64_t state_;
};

} // namespace benchfs::runtime
