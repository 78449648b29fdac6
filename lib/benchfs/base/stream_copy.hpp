// A copy of bytes that nobody will look at in the cache.
#pragma once

#include <cstddef>

namespace benchfs {

/// Like memcpy, but the lines of `to` are not fetched into this core's cache first and do not stay in it: a
/// third less traffic for large copies to cold memory, and what the cache holds stays. Afterwards the bytes are
/// ordered like plain stores. On machines without such stores it is memcpy.
void stream_copy(std::byte* to, const std::byte* from, std::size_t n) noexcept;

} // namespace benchfs
