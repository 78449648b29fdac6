// What reading and writing share: a range of a file becomes parts of chunks.
#pragma once

#include "benchfs/client/file_system.hpp"

#include <limits>

namespace benchfs {

inline constexpr std::uint64_t largest_offset =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Part of one chunk, and the memory for it.
struct file_system::io_part {
    std::uint32_t chunk = 0;
    std::uint32_t offset = 0; // in the chunk
    std::uint32_t size = 0;
    std::byte* memory = nullptr; // only read from by writes
};

/// An answer that needs no server, for functions that are not coroutines themselves.
template <class T>
runtime::task<result<T>> answer(result<T> now) {
    co_return std::move(now);
}

} // namespace benchfs
