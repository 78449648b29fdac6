// Methods about names, inodes and directories. Names travel as the tail of the request.
#pragma once

#include "benchfs/rpc/method.hpp"

#include <cstdint>

namespace benchfs::rpc {

inline constexpr std::uint16_t name_max = 255;

/// A file or directory as it crosses the wire. Times are nanoseconds since 1970. nlink 0 in an answer about a
/// name: its inode is not on this server (the file was renamed), only id and type are filled in, and the rest
/// is to be asked from the home.
struct wire_attributes {
    std::uint64_t id = 0;
    std::uint64_t size = 0; // bytes
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::int64_t atime_ns = 0;
    std::uint32_t type = 0; // metadata::file_type
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t nlink = 0;
    std::uint32_t chunk_size = 0;
    std::uint64_t epoch = 0; // of truncation
};

/// Parent directory and, as the tail, the name.
struct named_request {
    /// The parent was not found by walking a path.
    static constexpr std::uint64_t no_path = ~std::uint64_t{0};

    std::uint64_t parent = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    // The number of the last change of paths that the client knew of when it walked to the parent; where a
    // later one is known the answer is stale_epoch, and the client walks again.
    std::uint64_t paths = 0;
};

struct id_request {
    std::uint64_t id = 0;
};

struct empty_reply {
    std::uint64_t reserved = 0;
};

struct lookup {
    static constexpr method_info info{8, "lookup", idempotency::pure, bulk::none, name_max};
    using request = named_request;
    using reply = wire_attributes;
};

struct create {
    static constexpr method_info info{9, "create", idempotency::at_most_once, bulk::none, name_max};
    enum flags : std::uint32_t { exclusive = 1, truncate = 2 };
    struct request {
        named_request where;
        std::uint32_t mode = 0;
        std::uint32_t how = 0;        // flags
        std::uint32_t chunk_size = 0; // 0: the file system's
        std::uint32_t reserved = 0;
    };
    struct reply {
        wire_attributes attributes;
        std::uint64_t created = 0; // 0: it was there
    };
};

struct stat {
    static constexpr method_info info{10, "stat", idempotency::pure, bulk::none};
    using request = id_request;
    using reply = wire_attributes;
};

/// Answers with what was removed.
struct unlink {
    static constexpr method_info info{11, "unlink", idempotency::at_most_once, bulk::none, name_max};
    using request = named_request;
    using reply = wire_attributes;
};

struct mkdir {
    static constexpr method_info info{12, "mkdir", idempotency::at_most_once, bulk::none, name_max};
    struct request {
        named_request where;
        std::uint32_t mode = 0;
        std::uint32_t reserved = 0;
    };
    using reply = wire_attributes;
};

struct rmdir {
    static constexpr method_info info{13, "rmdir", idempotency::at_most_once, bulk::none, name_max};
    using request = named_request;
    using reply = empty_reply;
};

/// The tail is the old name, then the new one.
struct rename {
    static constexpr method_info info{14, "rename", idempotency::at_most_once, bulk::none, 2 * name_max};
    struct request {
        std::uint64_t from_parent = 0;
        std::uint64_t to_parent = 0;
        std::uint64_t paths = 0;     // as in named_request
        std::uint32_t from_size = 0; // bytes of the tail that are the old name
        std::uint32_t reserved = 0;
    };
    using reply = empty_reply;
};

/// A symbolic link. The tail is its name, then where it points to (any text without NUL).
struct symlink {
    static constexpr std::uint16_t target_max = 511;
    static constexpr method_info info{20, "symlink", idempotency::at_most_once, bulk::none,
                                      name_max + target_max};
    struct request {
        named_request where;
        std::uint32_t name_size = 0; // bytes of the tail that are the name
        std::uint32_t reserved = 0;
    };
    using reply = wire_attributes;
};

/// Where a symbolic link points to: the payload of the reply. invalid_argument if it is none.
struct readlink {
    static constexpr method_info info{21, "readlink", idempotency::pure, bulk::to_client};
    using request = id_request;
    struct reply {
        std::uint64_t size = 0;
    };
};

/// A page of a directory: what comes after the name in the tail (none: from the beginning; it need not be there
/// any more). Entries rise by (hash64(name, id of the directory), name), bytes compared without sign. The
/// payload of the reply is a sequence of entries: wire_entry, then the name, padded to eight bytes.
struct readdir {
    static constexpr method_info info{15, "readdir", idempotency::pure, bulk::to_client, name_max};
    static constexpr std::uint32_t page_max = 64 * 1024;
    struct request {
        std::uint64_t id = 0;
        std::uint32_t page_bytes = 0;
        std::uint32_t reserved = 0;
    };
    struct reply {
        std::uint32_t entries = 0;
        std::uint32_t more = 0; // 1: ask again, after the last entry
    };
};
struct wire_entry {
    wire_attributes attributes;
    std::uint32_t name_size = 0;
    std::uint32_t reserved = 0;
};

/// Sets the size; larger makes a hole.
struct set_size {
    static constexpr method_info info{16, "truncate", idempotency::at_most_once, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint64_t size = 0;
    };
    using reply = wire_attributes;
};

/// The file is at least this long, because its bytes are in a chunk elsewhere.
struct extend {
    static constexpr method_info info{17, "extend", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint64_t epoch = 0;
        std::uint64_t end = 0;
    };
    struct reply {
        std::uint64_t size = 0;
        std::uint64_t epoch = 0;
    };
};

/// Changes mode or times; `which` says what.
struct set_attributes {
    static constexpr method_info info{18, "set_attributes", idempotency::at_most_once, bulk::none};
    enum which_bits : std::uint32_t { mode_bit = 1, atime_bit = 2, mtime_bit = 4 };
    struct request {
        std::uint64_t id = 0;
        std::int64_t atime_ns = 0;
        std::int64_t mtime_ns = 0;
        std::uint32_t mode = 0;
        std::uint32_t which = 0;
    };
    using reply = wire_attributes;
};

struct statfs {
    static constexpr method_info info{19, "statfs", idempotency::pure, bulk::none};
    struct request {
        std::uint64_t reserved = 0;
    };
    struct reply {
        std::uint64_t bytes_total = 0;
        std::uint64_t bytes_used = 0;
        std::uint64_t files = 0;
        std::uint64_t directories = 0;
    };
};

} // namespace benchfs::rpc
