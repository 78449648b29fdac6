// How often a test repeats itself: less with a sanitizer, which finds its faults in the first passes over a
// path and makes each pass several times as long. The many repetitions are for what only a rare order of events
// or a slow leak shows; the builds without a sanitizer make them all.
#pragma once

#include <cstddef>

namespace benchfs::test {

/// `all` times, or `few` times with AddressSanitizer.
[[nodiscard]] constexpr std::size_t repeated(std::size_t all, [[maybe_unused]] std::size_t few) {
#if defined(__SANITIZE_ADDRESS__)
    return few;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return few;
#else
    return all;
#endif
#else
    return all;
#endif
}

} // namespace benchfs::test
