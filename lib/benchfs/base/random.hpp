// Random bytes that nobody can guess, as an interface, so that a simulation can supply its own.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"

namespace benchfs {

class random_source {
public:
    virtual ~random_source() = default;
    /// Fills all of `out`, or fails.
    [[nodiscard]] virtual status fill(byte_span out) noexcept = 0;
};

/// The kernel's (getrandom). For secrets and nonces; prng.hpp is for everything else.
[[nodiscard]] random_source& system_random() noexcept;

} // namespace benchfs
