// fsck: whether namespace and chunks of all servers fit together, and the repair of what can be repaired
// without losing anything.
//
// The cluster may be at work meanwhile. What looks wrong is looked at again after a pause, and counts only if
// it still looks exactly so; what servers say they are in the middle of never counts.
//
// What can be told: names without files and files without names, chunks that belong to no file or lie on the
// wrong server, files that are shorter than their chunks. A chunk that is not there may be a hole; it counts as
// missing where one thing says that it was stored: the file was never truncated and its last byte is in no
// chunk, or the home knows of a server with chunks of the file that knows nothing of it. (A write that failed
// or whose client died leaves the same traces.) What else the chunks lack is counted as holes.
#pragma once

#include "benchfs/client/inventory.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs {

enum class fault_kind : std::uint8_t {
    orphan_chunk,     // its file does not exist. Repair: removed.
    long_chunk,       // longer than the chunks of its file. Repair: cut.
    wrong_size,       // the file ends before its stored bytes. Repair: the size becomes theirs.
    nameless_file,    // no name means it. Repair: it gets one in /lost+found, unless it is a directory.
    dangling_name,    // what it means does not exist. Repair: removed, unless it should be a directory.
    missing_chunk,    // see above. Not repaired: the bytes are nowhere.
    unreadable_chunk, // Not repaired: see the server's log.
    misplaced_chunk,  // on a server where nobody looks for it. Not repaired: it may be the only one.
    misplaced_name,   // the same of a name
    lost_name,        // in a directory that does not exist. Repair: as if the file had none.
    several_names,    // that mean the same file. Not repaired: which one counts, only its owner knows.
};
/// "orphan_chunk".
[[nodiscard]] std::string_view name_of(fault_kind kind) noexcept;

struct fault {
    fault_kind kind{};
    file_id file;                      // that it is about
    std::string path;                  // of it, if a name leads to it
    std::string text;                  // what is wrong
    server_id server{};                // on which it shows
    std::uint32_t chunk = 0;           // of faults of chunks, and the one that shows a wrong_size
    std::vector<std::uint32_t> chunks; // orphan_chunk: all of the file on this server
    std::uint64_t epoch = 0;           // wrong_size
    file_id parent;                    // of faults of names
    std::string name;                  // the same
    bool directory = false;            // what it is about is one
    bool repaired = false;
    std::string outcome; // of the repair, if one was wanted
};

struct fsck_options {
    bool repair = false;
    bool deep = false;                    // reads every byte
    int looks = 3;                        // that a fault must show in, at least 1
    std::chrono::milliseconds pause{400}; // between them
};

struct fsck_report {
    std::vector<fault> faults;
    std::uint64_t files = 0; // symbolic links, too
    std::uint64_t directories = 0;
    std::uint64_t names = 0;
    std::uint64_t chunks = 0;
    std::uint64_t bytes = 0;      // in chunks
    std::uint64_t bytes_read = 0; // deep
    std::uint64_t holes = 0;      // chunks within the sizes of files that are not stored
    std::uint64_t files_with_holes = 0;

    /// Faults that were not repaired.
    [[nodiscard]] std::size_t left() const noexcept;
};

/// An error says that a server could not be asked: `failed` says which.
[[nodiscard]] runtime::task<status> fsck(file_system& fs, fsck_options options, fsck_report& report,
                                         server_id& failed);

} // namespace benchfs
