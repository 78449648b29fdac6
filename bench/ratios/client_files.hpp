// What a client worker does with whole files: many small ones, and large ones at depth.
#pragma once

#include "benchfs/api/benchfs.hpp"

#include <cstdint>
#include <string>

namespace benchfs::bench {

/// Makes `count` empty files in the new directory `folder`; `figure` is the mean length of their names in
/// bytes.
[[nodiscard]] runtime::task<status> make_empty_files(file_system& fs, std::string folder, std::uint64_t count,
                                                     double& figure);

/// Creates, writes, closes and unlinks `count` files of `bytes` bytes: one after another, or all are made
/// before the first is removed. `figure`: microseconds a file, the median of five stretches.
[[nodiscard]] runtime::task<status> small_files(file_system& fs, std::string folder, std::uint64_t count,
                                                std::uint64_t bytes, bool one_by_one, double& figure);

struct stream {
    bool write = false;
    std::uint64_t total = 0; // bytes
    std::uint64_t piece = 0; // bytes, divides total
    std::uint64_t depth = 1; // pieces under way
};

/// Writes a new file from its beginning to its end, or reads one that was written just before; then reads it
/// all again and compares. `figure`: microseconds a MiB of the one pass.
[[nodiscard]] runtime::task<status> stream_file(file_system& fs, std::string path, stream what, double& figure);

} // namespace benchfs::bench
