// What the namespace knows about one file or directory, and the limits of those values.
//
// The struct is fixed-size without padding, so that it can go into a message or a log record as it is.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"

#include <cstdint>
#include <limits>

namespace benchfs::metadata {

enum class file_type : std::uint32_t { none = 0, file = 1, directory = 2, symlink = 3 };

/// Whether it is what a name may mean that is no directory.
[[nodiscard]] constexpr bool is_file_or_link(file_type t) noexcept {
    return t == file_type::file || t == file_type::symlink;
}

inline constexpr std::uint32_t default_chunk_size = 4U << 20;
inline constexpr std::uint32_t min_chunk_size = 4096;
inline constexpr std::uint32_t max_chunk_size = 64U << 20;
inline constexpr std::uint32_t mode_mask = 07777;

/// Times are nanoseconds since 1970, UTC. A symbolic link's size is that of its target's text. A directory's
/// size is 0 and its times are those of its own creation and changes: creating or removing an entry does not
/// touch them. nlink is 1 (for directories that means "not counted") and 0 in the attributes of something that
/// was just removed. Mode holds the permission bits; they and the owner are kept for the caller and not
/// enforced here: one job's processes share one user.
struct attributes {
    file_id id;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::int64_t atime_ns = 0; // set by set_attributes only: reading does not come past the inode
    std::uint64_t epoch = 0;   // truncate epoch: raised whenever bytes are cut off
    file_type type = file_type::none;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t nlink = 1;
    std::uint32_t chunk_size = 0; // 0 for directories and symbolic links

    [[nodiscard]] bool is_directory() const noexcept { return type == file_type::directory; }
    friend bool operator==(const attributes&, const attributes&) = default;
};
static_assert(wire_struct<attributes> && sizeof(attributes) == 72);

/// A multiple of 4 KiB in [min_chunk_size, max_chunk_size]: anything else is invalid_argument.
[[nodiscard]] constexpr bool valid_chunk_size(std::uint64_t bytes) noexcept {
    return bytes >= min_chunk_size && bytes <= max_chunk_size && bytes % min_chunk_size == 0;
}

/// The largest size of a file: offsets are signed 64-bit numbers and chunk indexes unsigned 32-bit ones.
[[nodiscard]] constexpr std::uint64_t max_file_size(std::uint32_t chunk_size) noexcept {
    constexpr auto offsets = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const std::uint64_t chunks = (std::uint64_t{1} << 32) * chunk_size;
    return chunks < offsets ? chunks : offsets;
}

} // namespace benchfs::metadata
