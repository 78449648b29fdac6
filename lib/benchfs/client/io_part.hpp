// What reading and writing share: a range of a file becomes parts of chunks.
#pragma once

#include "benchfs/client/file_system.hpp"
#include "benchfs/client/part_list.hpp"

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

/// A range of a file that is read or written in several parts.
struct file_system::io_range {
    file_id id;
    std::uint32_t chunk_size = 0;
    std::uint64_t offset = 0;
    std::byte* memory = nullptr; // only read from by writes
    const part_list* parts = nullptr;

    [[nodiscard]] io_part part(std::size_t i) const noexcept {
        const auto [begin, size] = parts->at(i);
        return {static_cast<std::uint32_t>(begin / chunk_size), static_cast<std::uint32_t>(begin % chunk_size),
                size, memory + (begin - offset)};
    }
};

/// An answer that needs no server, for functions that are not coroutines themselves.
template <class T>
runtime::task<result<T>> answer(result<T> now) {
    co_return std::move(now);
}

} // namespace benchfs
