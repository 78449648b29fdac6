// Methods about the bytes of chunks.
#pragma once

#include "benchfs/rpc/method.hpp"

#include <cstdint>

namespace benchfs::rpc {

/// No read or write moves more bytes than this; clients split larger ones.
inline constexpr std::uint32_t io_max = 4U << 20;

/// Writes part of a chunk. The payload is the data, then one CRC32C for each 4 KiB block that it covers whole,
/// if the server asked for them in its hello. At the file's home the size grows in the same call; elsewhere the
/// client sends `extend` to the home at the same time, and a file that was truncated since gives stale_epoch.
struct write_chunk {
    static constexpr method_info info{32, "write", idempotency::at_most_once, bulk::to_server};
    enum flags : std::uint32_t { append = 1 }; // at the end of the file, wherever that is (home only)
    struct request {
        std::uint64_t id = 0;
        std::uint64_t epoch = 0;
        std::uint32_t chunk = 0;
        std::uint32_t offset = 0; // within the chunk
        std::uint32_t size = 0;   // bytes of data in the payload
        std::uint32_t how = 0;
    };
    struct reply {
        std::uint64_t offset = 0; // in the file, where the bytes are (append: where they went)
        std::uint64_t size = 0;   // of the file, as far as this server knows it
        std::uint64_t epoch = 0;  // that the bytes belong to
    };
};

/// Reads part of a chunk. The payload of the reply is `valid` bytes, then the checksums of the blocks that lie
/// whole in them. What lies beyond `valid` is a hole or past the end: the size says which.
struct read_chunk {
    static constexpr method_info info{33, "read", idempotency::pure, bulk::to_client};
    struct request {
        std::uint64_t id = 0;
        std::uint32_t chunk = 0;
        std::uint32_t offset = 0;
        std::uint32_t size = 0;
        std::uint32_t how = 0;
    };
    /// The reader compares whole blocks with their checksums itself, so the server need not. Without it the
    /// server does, and its log names the place of what is wrong.
    static constexpr std::uint32_t reader_verifies = 1;
    struct reply {
        std::uint32_t valid = 0;
        std::uint32_t checksums = 0; // how many follow the data
        std::uint64_t file_size = 0; // at the home; elsewhere unknown_size
        std::uint64_t epoch = 0;     // of truncation, before the bytes were read: theirs, or an earlier one
    };
    static constexpr std::uint64_t unknown_size = ~std::uint64_t{0};
};

/// Cuts a chunk (0: removes it), and nobody hears of it: for those who plant damage that fsck must find. Files
/// shrink and go by set_size, unlink and cut_file.
struct cut_chunk {
    static constexpr method_info info{34, "cut_chunk", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint32_t chunk = 0;
        std::uint32_t size = 0;
    };
    struct reply {
        std::uint64_t reserved = 0;
    };
};

/// Everything acknowledged by this server before the call survives power loss after it.
struct sync_server {
    static constexpr method_info info{35, "sync", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t id = 0;
    };
    struct reply {
        std::uint64_t reserved = 0;
    };
};

} // namespace benchfs::rpc
