// Whole transfers: what remains of a short or interrupted read or write is asked for again, within bounds.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task.hpp"

#include <cstddef>
#include <cstdint>

namespace benchfs::uring {

class ring;

/// Fills `to` from `offset` on; the count is short only where the file ends. `to` and the ring must outlive the
/// task. `buffer_index` as for read_fixed. Errors of the kernel as they are; `interrupted` and `try_again` only
/// after many tries in a row. Suspends.
[[nodiscard]] runtime::task<result<std::size_t>> read_exact(ring& r, int fd, byte_span to, std::uint64_t offset,
                                                            int buffer_index = -1);

/// Writes all of `from`, or fails: no_space, quota_exceeded, file_too_large ... as the kernel says, io_error
/// when it writes nothing. After an error a part may have been written. Suspends.
[[nodiscard]] runtime::task<status> write_all(ring& r, int fd, const_byte_span from, std::uint64_t offset,
                                              int buffer_index = -1);

} // namespace benchfs::uring
