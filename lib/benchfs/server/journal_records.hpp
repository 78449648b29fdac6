// The records that a server writes into its log beside those of the chunk store: namespace and sessions.
//
// Numbers are never reused; FORMAT.md in storage/ tells them for people.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>

namespace benchfs::server {

enum class journal_kind : std::uint16_t {
    inode_set = 32, // metadata::attributes
    inode_removed = 33,
    dentry_set = 34,
    dentry_removed = 35,
    directory_set = 36,
    directory_removed = 37,
    ids_reserved = 38,
    note_set = 39,
    note_removed = 40,
    session_begun = 48,
    session_ended = 49,
    reply = 50,
};

/// inode_removed, directory_removed, session_ended: the id; ids_reserved: the counter.
struct journal_number {
    std::uint64_t value = 0;
};

/// The name follows. dentry_removed: child and type are 0.
struct journal_dentry {
    std::uint64_t parent = 0;
    std::uint64_t child = 0;
    std::uint32_t type = 0;
    std::uint32_t name_size = 0;
};

struct journal_directory {
    std::uint64_t id = 0;
    std::uint64_t parent = 0;
};

/// The note's bytes follow. note_removed: none.
struct journal_note {
    std::uint64_t key = 0;
    std::uint32_t kind = 0; // note_kind
    std::uint32_t size = 0;
};

struct journal_session {
    std::uint64_t id = 0;
    std::uint64_t incarnation = 0;
    std::uint32_t generation = 0;
    std::uint32_t keep_ms = 0;
};

/// The reply's bytes follow: frame and body, as they went out.
struct journal_reply {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    std::uint32_t method = 0;
    std::uint32_t size = 0;
};

static_assert(wire_struct<journal_number> && wire_struct<journal_note> && wire_struct<journal_dentry> &&
              wire_struct<journal_directory> && wire_struct<journal_session> && wire_struct<journal_reply>);

} // namespace benchfs::server
