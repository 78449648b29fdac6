// What a server holds, page after page, and the repair of what does not fit together. For fsck.
#pragma once

#include "benchfs/rpc/messages/metadata.hpp"

#include <array>

namespace benchfs::rpc {

/// One page of a list. The payload of the reply is `records` of the structs below, each name behind its record
/// and padded to eight bytes. Something that is there throughout a list is in it at least once.
struct inventory {
    static constexpr method_info info{42, "inventory", idempotency::pure, bulk::to_client, name_max};
    static constexpr std::uint32_t page_max = 64 * 1024;
    enum lists : std::uint32_t {
        inodes = 1,    // wire_inode; the root only at its home
        entries = 2,   // wire_name
        chunks = 3,    // wire_chunk
        copies = 4,    // wire_copy
        stripes = 5,   // wire_stripe
        pending = 6,   // id_request: files and directories that are being changed right now
        one_chunk = 7, // wire_chunk: at most one, of the file position[0] with the index position[1]
    };
    /// Where a list goes on. All zeros: at its beginning; else what the last reply said.
    using place = std::array<std::uint64_t, 3>;
    struct request {
        std::uint64_t list = 0;
        place position{};
        // The tail, in the middle of a directory: the last name of the page before.
    };
    struct reply {
        std::uint32_t records = 0;
        std::uint32_t more = 0; // 1: ask again
        place position{};
    };
};
struct wire_inode {
    std::uint64_t id = 0;
    std::uint64_t size = 0; // bytes
    std::uint64_t epoch = 0;
    std::uint32_t type = 0;
    std::uint32_t chunk_size = 0;
};
struct wire_name {
    std::uint64_t parent = 0;
    std::uint64_t child = 0;
    std::uint32_t type = 0;
    std::uint32_t name_size = 0;
};
struct wire_chunk {
    static constexpr std::uint64_t no_epoch = ~std::uint64_t{0};

    std::uint64_t file = 0;
    std::uint64_t epoch = no_epoch; // of a file of another home: that its bytes belong to
    std::uint32_t index = 0;
    std::uint32_t length = 0; // bytes
};
/// At a file's home: this server was told that it may store chunks of it.
struct wire_copy {
    std::uint64_t file = 0;
    std::uint64_t server = 0;
};
/// At that server: it remembers so.
struct wire_stripe {
    std::uint64_t file = 0;
    std::uint64_t epoch = 0;
};

/// Repairs one thing, if the server finds it wrong, too. no_server if whom it has to ask is away; not_supported
/// for what it does not repair.
struct repair {
    static constexpr method_info info{43, "repair", idempotency::repeatable, bulk::none, name_max};
    enum actions : std::uint32_t {
        // At the server of a chunk: it goes if its file does not exist, and loses what is longer than a chunk
        // of
        // its file can be.
        drop_chunk = 1,
        // At the home of a file: it is as long as this chunk, on whatever server, shows.
        grow_file = 2,
        // At the server of the name: the file or symbolic link, which has no other name, gets it.
        name_file = 3,
        // At the server of the name: it goes if the file that it means, or its directory, does not exist.
        drop_name = 4,
    };
    struct request {
        std::uint32_t action = 0;
        std::uint32_t chunk = 0;
        std::uint64_t id = 0;     // of the file
        std::uint64_t parent = 0; // of the name, which is the tail
        std::uint64_t epoch = 0;  // grow_file: in which the file was too short
    };
    struct reply {
        std::uint64_t done = 0;  // 0: it is not wrong, or not any more
        std::uint64_t bytes = 0; // drop_chunk: what stays; grow_file: the file's size
    };
};

} // namespace benchfs::rpc
