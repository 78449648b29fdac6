// The paths of a run by number, for the models and for those who ask for them.
//
// Two directories below the root, each with one inside; files in the root and in every directory. Behind them,
// symbolic links below the root. What is moved keeps its shape, so every name that can come to be is one of
// these.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace benchfs::sim {

inline constexpr std::size_t top_directories = 2;
inline constexpr std::size_t directories = 2 * top_directories; // the second half: one in each of the first
inline constexpr std::size_t root_files = 3;
inline constexpr std::size_t files_each = 2;
inline constexpr std::size_t paths = directories + root_files + directories * files_each;
inline constexpr std::size_t links = 3; // or files that were made under such a name
inline constexpr std::size_t paths_and_links = paths + links;
/// The one that only ever points to directories: nobody opens it, which might make a file there.
inline constexpr std::size_t directory_link = paths_and_links - 1;
/// The root, as somebody's parent.
inline constexpr std::size_t root_path = paths_and_links;

[[nodiscard]] constexpr bool is_directory(std::size_t path) noexcept { return path < directories; }
[[nodiscard]] constexpr bool is_nested(std::size_t path) noexcept {
    return path >= top_directories && path < directories;
}
/// The directory that a path lies in.
[[nodiscard]] constexpr std::size_t parent_of(std::size_t path) noexcept {
    if (is_nested(path)) { return path - top_directories; }
    const std::size_t first = directories + root_files;
    return path < first || path >= paths ? root_path : (path - first) / files_each;
}
/// Also true of the directory itself.
[[nodiscard]] constexpr bool lies_in(std::size_t path, std::size_t directory) noexcept {
    while (path != directory && path != root_path) { path = parent_of(path); }
    return path == directory;
}
/// Whether all that can be in the first directory could be in the second one.
[[nodiscard]] constexpr bool fits(std::size_t from, std::size_t to) noexcept {
    return is_nested(from) || !is_nested(to);
}
/// The `i`th file of a directory.
[[nodiscard]] constexpr std::size_t file_in(std::size_t directory, std::size_t i) noexcept {
    return directories + root_files + directory * files_each + i;
}
[[nodiscard]] std::string leaf_text(std::size_t path);
[[nodiscard]] std::string path_text(std::size_t path);

} // namespace benchfs::sim
