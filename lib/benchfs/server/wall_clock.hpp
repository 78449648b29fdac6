// The time that files get: nanoseconds since 1970. The one place in the library that reads it; a simulation
// passes its own.
#pragma once

#include <cstdint>

namespace benchfs::server {

using wall_clock = std::int64_t (*)() noexcept;

[[nodiscard]] std::int64_t machine_time_ns() noexcept;

/// Another number in each process and at each call: for session ids, handles and incarnations. Not a secret.
[[nodiscard]] std::uint64_t start_seed() noexcept;

} // namespace benchfs::server
