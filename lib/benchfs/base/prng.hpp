// Pseudo-random numbers from a seed: the same on every machine, for retries, workloads and simulations.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/base/types.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace benchfs {

/// xoshiro256** (public domain, Blackman and Vigna). Not for secrets.
class prng {
public:
    explicit prng(std::uint64_t seed) noexcept {
        for (std::uint64_t& word : state_) { word = mix64(seed += 0x9e3779b97f4a7c15ULL); }
    }

    [[nodiscard]] std::uint64_t next() noexcept {
        const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return out;
    }

    /// Uniform in [0, n); n > 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t n) noexcept {
        BFS_ASSERT(n != 0);
        const std::uint64_t unfair = (0 - n) % n; // this many low values would make some answers likelier
        std::uint64_t x = next();
        while (x < unfair) { x = next(); }
        return x % n;
    }

    /// Uniform in [0, 1).
    [[nodiscard]] double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

private:
    std::array<std::uint64_t, 4> state_{};
};

} // namespace benchfs
