// Copies of bytes that are not in the cache, or that nobody will look at there.
#pragma once

#include <cstddef>

namespace benchfs {

/// Like memcpy, but the lines of `to` are not fetched into this core's cache first and do not stay in it: a
/// third less traffic for large copies to cold memory, and what the cache holds stays. Afterwards the bytes are
/// ordered like plain stores. On machines without such stores it is memcpy.
void stream_copy(std::byte* to, const std::byte* from, std::size_t n) noexcept;

/// Like memcpy, but asks for the lines of `from` well ahead, beyond the ends of pages, too, where the
/// processor's own prefetching stops: a quarter faster when they come from memory.
void copy_from_cold(std::byte* to, const std::byte* from, std::size_t n) noexcept;

} // namespace benchfs
