#include "benchfs/base/errc.hpp"

#include <array>
#include <cstring>

namespace benchfs {
namespace {

struct row {
    errc code;
    std::string_view name;
    std::string_view message;
    int as_errno;
};

#define BFS_ERRNO_ROW(id, text)                                                                                \
    row { errc::id, #id, text, static_cast<int>(errc::id) }
constexpr std::array table{
    row{errc::ok, "ok", "success", 0},
    BFS_ERRNO_ROW(not_permitted, "operation not permitted"),
    BFS_ERRNO_ROW(not_found, "no such file or directory"),
    BFS_ERRNO_ROW(interrupted, "interrupted"),
    BFS_ERRNO_ROW(io_error, "input/output error"),
    BFS_ERRNO_ROW(bad_handle, "bad file handle"),
    BFS_ERRNO_ROW(try_again, "resource temporarily unavailable"),
    BFS_ERRNO_ROW(no_memory, "out of memory"),
    BFS_ERRNO_ROW(access_denied, "permission denied"),
    BFS_ERRNO_ROW(busy, "busy"),
    BFS_ERRNO_ROW(already_exists, "file exists"),
    BFS_ERRNO_ROW(cross_device, "cross-device link"),
    BFS_ERRNO_ROW(not_a_directory, "not a directory"),
    BFS_ERRNO_ROW(is_a_directory, "is a directory"),
    BFS_ERRNO_ROW(invalid_argument, "invalid argument"),
    BFS_ERRNO_ROW(too_many_files, "too many open files"),
    BFS_ERRNO_ROW(file_too_large, "file too large"),
    BFS_ERRNO_ROW(no_space, "no space left on device"),
    BFS_ERRNO_ROW(read_only, "read-only"),
    BFS_ERRNO_ROW(too_many_links, "too many links"),
    BFS_ERRNO_ROW(out_of_range, "out of range"),
    BFS_ERRNO_ROW(name_too_long, "name too long"),
    BFS_ERRNO_ROW(not_implemented, "not implemented"),
    BFS_ERRNO_ROW(not_empty, "directory not empty"),
    BFS_ERRNO_ROW(too_many_symlinks, "too many levels of symbolic links"),
    BFS_ERRNO_ROW(overflow, "value too large"),
    BFS_ERRNO_ROW(message_too_long, "message too long"),
    BFS_ERRNO_ROW(not_supported, "operation not supported"),
    BFS_ERRNO_ROW(address_in_use, "address in use"),
    BFS_ERRNO_ROW(stale_handle, "stale file handle: the file was removed"),
    BFS_ERRNO_ROW(quota_exceeded, "quota exceeded"),
    BFS_ERRNO_ROW(cancelled, "cancelled"),
    row{errc::timed_out, "timed_out", "no answer before the deadline", ETIMEDOUT},
    row{errc::peer_down, "peer_down", "the peer is down", EHOSTDOWN},
    row{errc::outcome_unknown, "outcome_unknown", "the change may or may not have happened", EREMOTEIO},
    row{errc::stale_epoch, "stale_epoch", "stale view of the cluster", ESTALE},
    row{errc::bad_frame, "bad_frame", "malformed message", EPROTO},
    row{errc::protocol_mismatch, "protocol_mismatch", "peer speaks another protocol version", EPROTONOSUPPORT},
    row{errc::wrong_cluster, "wrong_cluster", "peer belongs to another cluster", EPROTO},
    row{errc::shutting_down, "shutting_down", "the server is shutting down", ESHUTDOWN},
    row{errc::bad_config, "bad_config", "bad configuration", EINVAL},
    row{errc::no_server, "no_server", "no server found", ENOTCONN},
};
#undef BFS_ERRNO_ROW

const row* find(errc code) noexcept {
    for (const row& r : table) {
        if (r.code == code) { return &r; }
    }
    return nullptr;
}

} // namespace

std::string_view message(errc code) noexcept {
    const row* r = find(code);
    return r != nullptr ? r->message : std::string_view{"unknown error"};
}

std::string_view name(errc code) noexcept {
    const row* r = find(code);
    return r != nullptr ? r->name : std::string_view{"unknown"};
}

int to_errno(errc code) noexcept {
    const row* r = find(code);
    if (r != nullptr) { return r->as_errno; }
    const auto value = static_cast<std::int32_t>(code);
    return value > 0 && value < 1000 ? value : EIO;
}

errc from_errno(int value) noexcept {
    return value >= 0 && value < 1000 ? static_cast<errc>(value) : errc::io_error;
}

errc from_wire(std::int32_t value) noexcept {
    if (value >= 0 && value < 200) { return static_cast<errc>(value); } // any errno is a valid answer
    return find(static_cast<errc>(value)) != nullptr ? static_cast<errc>(value) : errc::bad_frame;
}

} // namespace benchfs
