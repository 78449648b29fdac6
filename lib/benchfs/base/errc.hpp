// The one error code of benchfs.
//
// Values below 1000 *are* Linux errno values; 1000 and up are our own. The same 32-bit number travels on the
// wire, in `result<T>` and through the C API. Three answers are never mixed: the server said no (an errno),
// nobody answered (`peer_down`, `timed_out`), and a change may have happened (`outcome_unknown`).
#pragma once

#include <cerrno>
#include <cstdint>
#include <string_view>

namespace benchfs {

enum class errc : std::int32_t {
    ok = 0,
    not_permitted = EPERM,
    not_found = ENOENT,
    interrupted = EINTR,
    io_error = EIO,
    bad_handle = EBADF,
    try_again = EAGAIN,
    no_memory = ENOMEM,
    access_denied = EACCES,
    busy = EBUSY,
    already_exists = EEXIST,
    cross_device = EXDEV,
    not_a_directory = ENOTDIR,
    is_a_directory = EISDIR,
    invalid_argument = EINVAL,
    too_many_files = EMFILE,
    file_too_large = EFBIG,
    no_space = ENOSPC,
    read_only = EROFS,
    too_many_links = EMLINK,
    out_of_range = ERANGE,
    name_too_long = ENAMETOOLONG,
    not_implemented = ENOSYS,
    not_empty = ENOTEMPTY,
    too_many_symlinks = ELOOP,
    overflow = EOVERFLOW,
    message_too_long = EMSGSIZE,
    not_supported = ENOTSUP,
    address_in_use = EADDRINUSE,
    stale_handle = ESTALE,
    quota_exceeded = EDQUOT,
    cancelled = ECANCELED,

    timed_out = 1000,       // nobody answered before the deadline
    peer_down = 1001,       // the peer's process or its connection is gone
    outcome_unknown = 1002, // a change was sent and may or may not have happened
    stale_epoch = 1003,     // the answer belongs to an older view; refresh and retry
    bad_frame = 1004,       // bytes from the wire that no correct peer sends
    protocol_mismatch = 1005,
    wrong_cluster = 1006,
    shutting_down = 1007,
    bad_config = 1008,
    no_server = 1009, // the registry names no usable server
};

/// One line for a person, without a trailing full stop. Total: an unknown number gives "unknown error".
/// The view refers to a string that lives for ever.
[[nodiscard]] std::string_view message(errc code) noexcept;

/// The identifier, e.g. "not_found"; "unknown" for a number outside the table.
[[nodiscard]] std::string_view name(errc code) noexcept;

/// The errno a C caller sees. Total: our own codes map to the nearest errno, unknown ones to EIO.
[[nodiscard]] int to_errno(errc code) noexcept;

/// A positive errno as an errc; a value of 1000 or more, or below 0, becomes io_error.
[[nodiscard]] errc from_errno(int value) noexcept;

/// An untrusted number from the wire as an errc: a number outside the table becomes `bad_frame`.
[[nodiscard]] errc from_wire(std::int32_t value) noexcept;

} // namespace benchfs
