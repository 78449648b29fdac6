// The methods of a server: what each request does to the namespace and the chunk store.
//
// The state is shared by the metadata and the data methods, because a whole small file lives at its home: one
// request writes its bytes and its size.
#pragma once

#include "benchfs/cluster/placement.hpp"
#include "benchfs/metadata/name_space.hpp"
#include "benchfs/rpc/server.hpp"
#include "benchfs/runtime/mutex.hpp"
#include "benchfs/server/wall_clock.hpp"
#include "benchfs/storage/chunk_store.hpp"

#include <memory>
#include <unordered_map>

namespace benchfs::server {

/// Outlives every request; owned by the instance.
struct service_state {
    metadata::name_space& names;
    storage::chunk_store& store;
    const cluster::placement& placement;
    server_id self{0};
    wall_clock now = machine_time_ns;
    // Appends to one file take turns; an entry lives while somebody holds or waits for it.
    struct append_turn {
        runtime::mutex lock;
        std::uint32_t users = 0;
    };
    std::unordered_map<file_id, append_turn> appends;

    [[nodiscard]] bool alone() const noexcept { return placement.servers() == 1; }
};

/// What a method was registered with.
[[nodiscard]] inline service_state& state_of(void* context) noexcept {
    return *static_cast<service_state*>(context);
}

void register_metadata_methods(rpc::server& to, service_state& state);
void register_data_methods(rpc::server& to, service_state& state);

[[nodiscard]] rpc::wire_attributes to_wire(const metadata::attributes& a) noexcept;

/// Removes the chunks of a file that lie beyond `size` bytes and belong on this server; `old_size` says how far
/// they may reach. Suspends.
[[nodiscard]] runtime::task<status> cut_chunks(service_state& state, file_id file, std::uint32_t chunk_size,
                                               std::uint64_t old_size, std::uint64_t size);

} // namespace benchfs::server
