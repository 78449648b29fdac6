// Memory for coroutine frames: a free list per size class, so a warm call tree allocates nothing.
//
// One pool a thread (every loop is single-threaded); frames go back to the pool of the thread that frees them.
// Under AddressSanitizer the pool steps aside, so that a use after free is seen.
#pragma once

#include <cstddef>
#include <cstdint>

namespace benchfs::runtime {

struct frame_pool_stats {
    std::uint64_t allocated = 0; // frames that came from the heap so far, on this thread
    std::uint64_t reused = 0;    // frames that came from a free list
};

/// Memory for one frame; terminates the process when there is none. 16-byte aligned.
[[nodiscard]] void* allocate_frame(std::size_t bytes) noexcept;
void free_frame(void* frame, std::size_t bytes) noexcept;

/// Gives the calling thread's free frames back to the heap; for a thread that ends.
void release_frames() noexcept;

/// Counters of the calling thread's pool.
[[nodiscard]] frame_pool_stats pool_stats() noexcept;

} // namespace benchfs::runtime
