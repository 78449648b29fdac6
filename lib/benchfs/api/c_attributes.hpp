// Our attributes as POSIX shows them.
#pragma once

#include "benchfs/client/types.hpp"

#include <sys/stat.h>

namespace benchfs::c {

[[nodiscard]] inline timespec to_timespec(std::int64_t ns) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t rest = (ns % second + second) % second;
    return {.tv_sec = (ns - rest) / second, .tv_nsec = rest};
}

[[nodiscard]] inline mode_t to_mode(const attributes& a) noexcept {
    const mode_t type = a.is_directory() ? S_IFDIR : a.is_symlink() ? S_IFLNK : S_IFREG;
    return type | (a.mode & 07777);
}

inline void fill(struct stat& out, const attributes& a) noexcept {
    out = {};
    out.st_ino = a.id.value;
    out.st_mode = to_mode(a);
    out.st_nlink = a.nlink;
    out.st_uid = a.uid;
    out.st_gid = a.gid;
    out.st_size = static_cast<off_t>(a.size);
    out.st_blksize = static_cast<blksize_t>(a.chunk_size != 0 ? a.chunk_size : 4096);
    out.st_blocks = static_cast<blkcnt_t>((a.size + 511) / 512);
    out.st_atim = to_timespec(a.atime_ns);
    out.st_mtim = to_timespec(a.mtime_ns);
    out.st_ctim = to_timespec(a.ctime_ns);
}

} // namespace benchfs::c
