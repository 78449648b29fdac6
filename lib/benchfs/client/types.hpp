// What a user of the file system sees: flags, attributes, directory entries.
#pragma once

#include "benchfs/base/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace benchfs {

enum class open_flags : std::uint32_t {
    read = 1,
    write = 2,
    read_write = read | write,
    create = 4,
    exclusive = 8, // with create: already_exists if the name is taken
    truncate = 16,
    append = 32, // every write goes to the end of the file, wherever that is by then
};

[[nodiscard]] constexpr open_flags operator|(open_flags a, open_flags b) noexcept {
    return static_cast<open_flags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr bool has(open_flags all, open_flags one) noexcept {
    return (static_cast<std::uint32_t>(all) & static_cast<std::uint32_t>(one)) ==
           static_cast<std::uint32_t>(one);
}

enum class file_type : std::uint32_t { file = 1, directory = 2, symlink = 3 };

/// "3:17", an id for people: the home, and the number that it gave.
[[nodiscard]] inline std::string id_text(file_id id) {
    return std::to_string(index(id.home())) + ":" + std::to_string(id.counter());
}

/// Times are nanoseconds since 1970. Sizes are bytes; a symbolic link's is that of its target's text.
struct attributes {
    file_id id;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::int64_t atime_ns = 0;
    std::uint64_t epoch = 0; // raised by every truncation
    file_type type = file_type::file;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t nlink = 0;
    std::uint32_t chunk_size = 0;

    [[nodiscard]] bool is_directory() const noexcept { return type == file_type::directory; }
    [[nodiscard]] bool is_symlink() const noexcept { return type == file_type::symlink; }
};

struct directory_entry {
    std::string name;
    attributes attr;
};

/// Where a listing goes on: from file_system::list() or from the page before. A value of its own.
struct directory_cursor {
    file_id directory;
    std::uint32_t server = 0; // that is listed next; all of them, one after the other
    std::string after;        // the name of that server behind which it goes on; empty: from its first one
};

struct directory_page {
    std::vector<directory_entry> entries; // none: the end
    directory_cursor next;
};

struct file_system_usage {
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_used = 0;
    std::uint64_t files = 0;
    std::uint64_t directories = 0;
};

} // namespace benchfs
