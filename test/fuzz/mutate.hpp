// Changes inputs in the ways that decoders get wrong: bits, lengths, order, and parts of other inputs.
#pragma once

#include "target.hpp"

#include "benchfs/base/prng.hpp"

#include <span>

namespace benchfs::fuzz {

/// Some changes of one of the inputs, all from `random`. Requires at least one input.
[[nodiscard]] byte_string mutate(std::span<const byte_string> inputs, prng& random);

} // namespace benchfs::fuzz
