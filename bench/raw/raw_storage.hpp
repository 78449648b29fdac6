// The raw limits of a local file system: the same small operations through POSIX calls, one at a time, through
// the page cache, without any server.
#pragma once

#include "raw_ucx.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace benchfs::bench {

enum class file_operation : std::uint8_t { create, write, read };

/// The median time of one operation over `count` distinct files in a directory of their own below `directory`,
/// which is removed again. write and read are one pwrite or pread of `bytes` on an open file. Blocks.
[[nodiscard]] raw_result measure_file_operation(file_operation op, const std::string& directory,
                                                std::size_t bytes, std::size_t count);

/// What one small file costs: `one_by_one` create, write of `bytes`, close and unlink, file after file; else
/// all are made before the first is removed. Of `count` files in a directory of their own below `directory`,
/// which is removed again; the median of five such stretches, after one that warms up. Blocks.
[[nodiscard]] raw_result measure_small_files(const std::string& directory, std::size_t bytes, std::size_t count,
                                             bool one_by_one);

} // namespace benchfs::bench
