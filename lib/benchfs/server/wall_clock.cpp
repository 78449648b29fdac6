#include "benchfs/server/wall_clock.hpp"

#include "benchfs/base/types.hpp"

#include <ctime>
#include <unistd.h>

namespace benchfs::server {

std::int64_t machine_time_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t start_seed() noexcept {
    return mix64(static_cast<std::uint64_t>(machine_time_ns()) ^ static_cast<std::uint64_t>(::getpid()) << 44);
}

} // namespace benchfs::server
