// Trees of the file system, entry by entry, and patterns for names.
#pragma once

#include "benchfs/client/file_system.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace benchfs::cli {

struct tree_entry {
    std::string path; // as the root was given, plus what is below it
    attributes attr;
    std::size_t depth = 0; // 0: the root itself
    bool last = false;     // of its directory
};

/// Called for each entry, a directory before what is in it; false leaves what is below out.
using visitor = std::function<bool(const tree_entry&)>;

/// The root and all below it, names in order. Nothing of `visit` is kept after the end. An error ends the walk;
/// its path is in `where`.
[[nodiscard]] runtime::task<status> walk(file_system& fs, std::string absolute, std::string shown,
                                         const visitor& visit, std::string& where);

/// `directory` and a name in it.
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);
/// The last name of a path; "/" for the root.
[[nodiscard]] std::string_view base_name(std::string_view path);

/// Whether `name` matches a pattern of *, ? and [a-z], [!a-z], as fnmatch(3) has them.
[[nodiscard]] bool matches(const std::string& pattern, const std::string& name);

} // namespace benchfs::cli
