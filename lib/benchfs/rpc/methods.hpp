// The one table of methods. A new method is a struct in messages/ and a line here.
#pragma once

#include "benchfs/rpc/messages/agreement.hpp"
#include "benchfs/rpc/messages/control.hpp"
#include "benchfs/rpc/messages/data.hpp"
#include "benchfs/rpc/messages/inventory.hpp"
#include "benchfs/rpc/messages/metadata.hpp"
#include "benchfs/rpc/messages/stats.hpp"
#include "benchfs/rpc/messages/trace.hpp"
#include "benchfs/rpc/method.hpp"

#include <array>

namespace benchfs::rpc {

template <rpc_method... M>
struct method_list {
    static constexpr std::array infos{M::info...};
};

using all_methods =
    method_list<hello, ping, goodbye, join, lookup, create, stat, unlink, mkdir, rmdir, rename, readdir,
                set_size, extend, set_attributes, statfs, write_chunk, read_chunk, cut_chunk, sync_server,
                method_counters, server_status, inventory, repair, trace_control, trace_page, symlink, readlink,
                directory_log, add_directory, remove_directory, move_directory, freeze, thaw, link_entry,
                reserve_entry, settle_entry, forget_move, drop_inode, register_copy, cut_file, path_version,
                move_outcome, compare_copies, move_pursued, begins_empty, lost_at>;

/// Whether what a method has changed is durable only after a sync.
template <rpc_method M>
inline constexpr bool needs_sync = M::info.repeat != idempotency::pure && M::info.id != sync_server::info.id &&
                                   M::info.id != goodbye::info.id && M::info.id != trace_control::info.id;

/// nullptr for a number that no method has.
[[nodiscard]] constexpr const method_info* find_method(std::uint16_t id) noexcept {
    for (const method_info& m : all_methods::infos) {
        if (m.id == id) { return &m; }
    }
    return nullptr;
}

namespace detail {
consteval bool numbers_are_unique() {
    for (std::size_t i = 0; i < all_methods::infos.size(); ++i) {
        if (all_methods::infos[i].id >= method_limit) { return false; }
        for (std::size_t j = 0; j < i; ++j) {
            if (all_methods::infos[i].id == all_methods::infos[j].id) { return false; }
        }
    }
    return true;
}
} // namespace detail
static_assert(detail::numbers_are_unique());

} // namespace benchfs::rpc
