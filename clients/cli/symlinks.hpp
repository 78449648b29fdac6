// Symbolic links, in the one place that knows what the library can do with them.
#pragma once

#include "benchfs/client/file_system.hpp"

#include <string>

namespace benchfs::cli {

/// A symlink at `path` that points to `target`.
[[nodiscard]] runtime::task<status> make_link(file_system& fs, std::string target, std::string path);
/// Where the symlink points to.
[[nodiscard]] runtime::task<result<std::string>> read_link(file_system& fs, std::string path);
/// Attributes of the name itself, not of what it points to.
[[nodiscard]] runtime::task<result<attributes>> stat_link(file_system& fs, std::string path);
[[nodiscard]] bool is_link(const attributes& a) noexcept;

} // namespace benchfs::cli
