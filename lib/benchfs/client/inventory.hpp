// What all servers of a cluster hold: taken from each, page after page, and put together.
//
// It is no snapshot: what changes while it is taken may look wrong in it.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/client/types.hpp"
#include "benchfs/runtime/task.hpp"

#include <string>
#include <vector>

namespace benchfs {

class file_system;

struct held_inode {
    file_id id;
    std::uint64_t size = 0; // bytes
    std::uint64_t epoch = 0;
    file_type type{};
    std::uint32_t chunk_size = 0;
};

struct held_entry {
    file_id parent;
    file_id child;
    file_type type{};
    server_id server{}; // that holds it
    std::string name;
};

struct held_chunk {
    static constexpr std::uint64_t no_epoch = ~std::uint64_t{0};

    chunk_id id;
    std::uint32_t length = 0;       // bytes
    std::uint64_t epoch = no_epoch; // on another server than the file's home: that its bytes belong to
    server_id server{};
};

/// A file, and a server that may have chunks of it.
struct held_copy {
    file_id file;
    server_id server{};
    friend auto operator<=>(const held_copy&, const held_copy&) = default;
};

/// Everything without doubles; inodes by id, entries by child, chunks by file and index, the rest in order.
struct held_everything {
    std::vector<held_inode> inodes;
    std::vector<held_entry> entries;
    std::vector<held_chunk> chunks;
    std::vector<held_copy> copies;  // as the files' homes were told
    std::vector<held_copy> stripes; // as those servers remember
    std::vector<file_id> changing;  // in the middle of a rename, removal, truncation, append

    [[nodiscard]] const held_inode* inode(file_id id) const noexcept;
    [[nodiscard]] bool is_changing(file_id id) const noexcept;
    /// A path that leads to it, from the root; empty if none does.
    [[nodiscard]] std::string path_of(file_id id) const;
};

/// Asks all servers at once. An error of any of them ends it, with its number in `failed`; bad_frame: it sent
/// what is no list. Memory: about 100 bytes for each file, name and chunk.
[[nodiscard]] runtime::task<status> take_inventory(file_system& fs, held_everything& into, server_id& failed);

} // namespace benchfs
