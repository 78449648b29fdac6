// The state that the methods of a server share: namespace, chunks, and what it agrees on with other servers.
#pragma once

#include "benchfs/cluster/placement.hpp"
#include "benchfs/metadata/name_space.hpp"
#include "benchfs/rpc/server.hpp"
#include "benchfs/runtime/mutex.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/server/home_writes.hpp"
#include "benchfs/server/journal.hpp"
#include "benchfs/server/name_locks.hpp"
#include "benchfs/server/note_check.hpp"
#include "benchfs/server/notes.hpp"
#include "benchfs/server/wall_clock.hpp"
#include "benchfs/storage/chunk_store.hpp"

#include <memory>
#include <unordered_map>

namespace benchfs::server {

class agreements;
class directories;
class directory_log;
class duties;
class lost_chunks;
class peers;
class reservations;
class stripes;

/// Outlives every request; owned by the instance.
struct service_state {
    runtime::loop& loop;
    metadata::name_space& names;
    storage::chunk_store& store;
    const cluster::placement& placement;
    journal& log;
    note_table& notes;
    server_id self{0};
    wall_clock now = machine_time_ns;

    name_locks locks;
    home_writes writes;
    // Appends to one file take turns; an entry lives while somebody holds or waits for it.
    struct append_turn {
        runtime::mutex lock;
        std::uint32_t users = 0;
        // Of the append whose turn it is, from when its bytes are stored until the size covers them or they are
        // taken back: its place and its call. `seen`: others have made the file longer than that.
        std::uint64_t begin = ~std::uint64_t{0};
        std::uint64_t session = 0;
        std::uint64_t sequence = 0;
        bool seen = false;
    };
    std::unordered_map<file_id, append_turn> appends = {};
    std::uint64_t append_bytes = 0; // received or expected, in memory of their own

    // Owned by the instance. `others` is nullptr in a cluster of one server, which agrees with itself.
    peers* others = nullptr;
    directories* dirs = nullptr;
    directory_log* dir_log = nullptr; // on server 0 only
    duties* owed = nullptr;
    agreements* agreed = nullptr;
    reservations* reserved = nullptr;
    stripes* striped = nullptr;
    lost_chunks* missing = nullptr;
    rpc::server* requests = nullptr;
    runtime::task_scope* background = nullptr; // what goes on between requests

    /// Whether a server of this cluster can have given this id out.
    [[nodiscard]] bool possible(file_id id) const noexcept { return server::possible(id, placement.servers()); }
    [[nodiscard]] bool alone() const noexcept { return placement.servers() == 1; }
    [[nodiscard]] server_id place_of(file_id parent, std::string_view name) const noexcept {
        return cluster::place_name(placement, parent, name);
    }
};

/// What a method was registered with.
[[nodiscard]] inline service_state& state_of(void* context) noexcept {
    return *static_cast<service_state*>(context);
}

void register_metadata_methods(rpc::server& to, service_state& state);
void register_symlink_methods(rpc::server& to, service_state& state);
void register_rename_methods(rpc::server& to, service_state& state);
void register_data_methods(rpc::server& to, service_state& state);
void register_agreement_methods(rpc::server& to, service_state& state);
void register_inventory_method(rpc::server& to, service_state& state);
void register_repair_method(rpc::server& to, service_state& state);
void register_trace_methods(rpc::server& to, service_state& state);

[[nodiscard]] rpc::wire_attributes to_wire(const metadata::attributes& a) noexcept;

} // namespace benchfs::server
