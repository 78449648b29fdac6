// Methods with which servers agree among themselves: directories, moved names, removed and truncated files.
//
// All of them may be repeated: the answer to a repeat is the same, and nothing happens twice.
#pragma once

#include "benchfs/rpc/messages/metadata.hpp"

namespace benchfs::rpc {

/// The directories of the cluster, asked from server 0: the changes after a position of its log or, when it
/// does not have those any more, all directories in pages. The payload of the reply is `entries` times
/// wire_directory and then `frozen` times wire_freeze.
struct directory_log {
    static constexpr method_info info{48, "directory_log", idempotency::pure, bulk::to_client};
    static constexpr std::uint32_t page_max = 64 * 1024;
    static constexpr std::uint64_t largest_number = std::uint64_t{1} << 62; // of a change
    struct request {
        std::uint64_t incarnation = 0; // of the log that the position belongs to; 0: none
        std::uint64_t position = 0;
        std::uint64_t cursor = 0;  // the last directory of the page before; 0: the first page
        std::uint64_t highest = 0; // of the numbers of changes that a server has heard of
    };
    struct reply {
        std::uint64_t incarnation = 0;
        std::uint64_t position =
            0; // after the entries; of all directories: when their first page was asked for
        std::uint64_t cursor = 0;
        std::uint64_t change = 0; // the last number of a change that was begun
        std::uint64_t paths = 0;  // the number of the last change that moved a directory
        std::uint32_t some_come_back =
            0;                  // 1: directories that are not listed may have been lost, and come back
        std::uint32_t lost = 0; // 1: and those that are may be in another parent than their names say
        std::uint32_t entries = 0;
        std::uint32_t frozen = 0;
        std::uint32_t all = 0;  // 1: these are all directories and not changes
        std::uint32_t more = 0; // 1: ask again
    };
};
struct wire_directory {
    enum kinds : std::uint64_t { exists = 1, removed = 2 };
    std::uint64_t kind = 0;
    std::uint64_t id = 0;
    std::uint64_t parent = 0;
};
/// A change under way: nothing may be inserted into the directory (0: none), and no path walked, until its
/// outcome is known.
struct wire_freeze {
    std::uint64_t change = 0;
    std::uint64_t directory = 0;
    std::uint64_t paths = 0; // 1: paths may come to mean something else
};

// Where a question has `paths`, the change was asked for by paths: stale_epoch, and nothing has happened, if a
// later change has made paths mean something else (see named_request).

/// At server 0: the directory exists from now on. stale_handle: its parent does not; try_again, and busy for
/// what comes back itself: it may come back.
struct add_directory {
    static constexpr method_info info{49, "add_directory", idempotency::repeatable, bulk::none};
    /// As `paths`, from where the directory lives: server 0 must have lost it. not_found: no, it was removed.
    static constexpr std::uint64_t comes_back = named_request::no_path - 1;
    /// The same from where its name is, which nobody changes just now: that is the parent.
    static constexpr std::uint64_t is_named = named_request::no_path - 2;
    /// The same from a server that has lost something itself: the name may be an earlier one that came back.
    static constexpr std::uint64_t is_named_again = named_request::no_path - 3;
    struct request {
        std::uint64_t id = 0;
        std::uint64_t parent = 0;
        std::uint64_t paths = 0;
    };
    using reply = empty_reply;
};

/// At server 0: the directory is gone, once every server has said that it is empty. not_empty.
struct remove_directory {
    static constexpr method_info info{50, "remove_directory", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint64_t paths = 0;
    };
    using reply = empty_reply;
};

/// At server 0: the directory lies in another parent; `replaced` (0: none) must be empty and is gone.
/// invalid_argument: into itself.
struct move_directory {
    static constexpr method_info info{51, "move_directory", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t move = 0;
        std::uint64_t id = 0;
        std::uint64_t parent = 0;
        std::uint64_t replaced = 0;
        std::uint64_t paths = 0;
    };
    using reply = empty_reply;
};

/// From server 0: see wire_freeze. Answers how many entries the directory has here, and how many names in it
/// are being changed together with other servers: each may become an entry or go.
struct freeze {
    static constexpr method_info info{52, "freeze", idempotency::repeatable, bulk::none};
    using request = wire_freeze;
    struct reply {
        std::uint64_t entries = 0;
        std::uint64_t held = 0;
    };
};

/// From server 0: the outcome of this change is in the log. The reply comes when this server has compared its
/// directories with it.
struct thaw {
    static constexpr method_info info{53, "thaw", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t change = 0;
    };
    struct reply {
        std::uint64_t untold = 0; // 1: there are directories here that server 0 does not take back yet
    };
};

/// A file moves to this name (the tail), over another file too; is_a_directory, busy while somebody else
/// changes the name.
struct link_entry {
    static constexpr method_info info{54, "link_entry", idempotency::repeatable, bulk::none, name_max};
    struct request {
        std::uint64_t move = 0;
        std::uint64_t parent = 0;
        std::uint64_t child = 0;
        std::uint64_t type = 0;
        std::uint64_t paths = 0;
    };
    using reply = empty_reply;
};

/// Keeps the name (the tail) for a directory. Answers which directory it means now; not_a_directory, busy.
struct reserve_entry {
    static constexpr method_info info{55, "reserve_entry", idempotency::repeatable, bulk::none, name_max};
    struct request {
        std::uint64_t move = 0;
        std::uint64_t parent = 0;
        std::uint64_t child = 0;
    };
    struct reply {
        std::uint64_t replaced = 0;
    };
};

/// What became of a reservation.
struct settle_entry {
    static constexpr method_info info{56, "settle_entry", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t move = 0;
        std::uint64_t moved = 0; // 1: the name means the directory now
    };
    using reply = empty_reply;
};

/// Nobody will ask for the outcome of this move again.
struct forget_move {
    static constexpr method_info info{57, "forget_move", idempotency::repeatable, bulk::none};
    using request = id_request;
    using reply = empty_reply;
};

/// At an inode's home: no name refers to it any more.
struct drop_inode {
    static constexpr method_info info{58, "drop_inode", idempotency::repeatable, bulk::none};
    using request = id_request;
    using reply = empty_reply;
};

/// At a file's home, from a server that is about to store the first chunk of it: it hears of truncation and
/// removal from now on. Answers the epoch its chunks are in.
struct register_copy {
    static constexpr method_info info{59, "register_copy", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint64_t server = 0;
    };
    struct reply {
        std::uint64_t epoch = 0;
        std::uint64_t size = 0;
        std::uint64_t chunk_size = 0;
    };
};

/// From a file's home: what lies beyond `size` is gone, and what is written from now on belongs to `epoch`.
struct cut_file {
    static constexpr method_info info{60, "cut_file", idempotency::repeatable, bulk::none};
    static constexpr std::uint64_t removed = ~std::uint64_t{0}; // as the epoch: the file is gone
    struct request {
        std::uint64_t id = 0;
        std::uint64_t epoch = 0;
        std::uint64_t size = 0;
        std::uint64_t chunk_size = 0;
    };
    using reply = empty_reply;
};

/// From a server that lost power, and with it perhaps who has chunks of its files and which epoch they are in:
/// ask about all of them again. try_again until that is done.
struct compare_copies {
    static constexpr method_info info{63, "compare_copies", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t server = 0; // who asks
        std::uint64_t start = 0;  // of that server, another one each time
    };
    using reply = empty_reply;
};

/// From a server that began with an empty store: which files of this one had chunks there? They are marked,
/// once for each start.
struct begins_empty {
    static constexpr method_info info{46, "begins_empty", idempotency::repeatable, bulk::none};
    struct request {
        std::uint64_t server = 0; // who asks
        std::uint64_t start = 0;  // of that server, another one each time
    };
    struct reply {
        std::uint64_t files = 0;
    };
};

/// At a file's home: whether a server has lost chunks of it. stale_handle.
struct lost_at {
    static constexpr method_info info{36, "lost_at", idempotency::pure, bulk::none};
    struct request {
        std::uint64_t id = 0;
        std::uint64_t server = 0;
    };
    struct reply {
        std::uint64_t lost = 0;
        std::uint64_t size = 0; // of the file
        std::uint64_t chunk_size = 0;
    };
};

/// The number of the last change that made paths mean something else, as far as this server knows.
struct path_version {
    static constexpr method_info info{61, "path_version", idempotency::pure, bulk::none};
    using request = id_request;
    struct reply {
        std::uint64_t version = 0;
    };
};

/// At server 0: whether this move of a directory was done.
struct move_outcome {
    static constexpr method_info info{62, "move_outcome", idempotency::pure, bulk::none};
    using request = id_request;
    struct reply {
        std::uint64_t moved = 0;
    };
};

/// At the server that began a move of a directory: whether it will still say what became of it (settle_entry).
struct move_pursued {
    static constexpr method_info info{47, "move_pursued", idempotency::pure, bulk::none};
    using request = id_request;
    struct reply {
        std::uint64_t pursued = 0;
    };
};

} // namespace benchfs::rpc
