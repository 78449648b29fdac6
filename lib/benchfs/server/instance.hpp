// A server on a loop: namespace, chunk store and methods behind one transport. The daemon runs one in its
// process; an embedded file system runs one beside its client.
#pragma once

#include "benchfs/cluster/placement.hpp"
#include "benchfs/metadata/name_space.hpp"
#include "benchfs/rpc/server.hpp"
#include "benchfs/server/journal.hpp"
#include "benchfs/server/options.hpp"
#include "benchfs/server/peers.hpp"
#include "benchfs/server/services.hpp"
#include "benchfs/server/stats.hpp"
#include "benchfs/storage/engines.hpp"
#include "benchfs/transport/transport.hpp"

#include <functional>
#include <memory>
#include <string>

namespace benchfs::uring {
class ring;
}

namespace benchfs::server {

/// What an instance stands on; all of it outlives the instance.
struct instance_environment {
    runtime::loop& loop;
    uring::ring* ring = nullptr; // nullptr: only engines that need none
    transport::transport& network;
    rpc::cluster_identity identity;
    std::string placement; // policy by name; empty: the default
    std::uint32_t chunk_size = metadata::default_chunk_size;
    std::uint64_t incarnation = 1; // another number after each start

    // How it reaches the other servers; not needed by a cluster of one.
    peer_environment peers = {};

    // What a simulation replaces: the time that files get, the disk, sizes of the store's files, and the store
    // as the methods see it.
    wall_clock now = machine_time_ns;
    std::function<std::unique_ptr<storage::disk>(const std::string& data_dir)> open_disk = {};
    std::function<void(storage::store_options&)> tune_store = {};
    std::function<std::unique_ptr<storage::chunk_store>(std::unique_ptr<storage::chunk_store>)> wrap_store = {};
    rpc::planted_faults planted = {};
};

class instance {
public:
    /// Opens the store and starts to answer. bad_config, busy (the data directory is in use), no_space ...; the
    /// log says more. The environment must outlive the instance. Suspends.
    [[nodiscard]] static runtime::task<result<std::unique_ptr<instance>>>
    open(instance_environment& environment, server_options options);
    ~instance();

    /// Ends running requests and connections, then closes the store. Await it before destruction.
    [[nodiscard]] runtime::task<status> stop();

    [[nodiscard]] rpc::server& requests() noexcept { return *server_; }
    [[nodiscard]] storage::chunk_store& store() noexcept { return *store_; }
    [[nodiscard]] metadata::name_space& names() noexcept { return *names_; }
    [[nodiscard]] const stats_sources& statistics() const noexcept { return *statistics_; }

private:
    instance() = default;
    [[nodiscard]] runtime::task<status> open_state(instance_environment& environment,
                                                   const server_options& options);

    void open_agreements(instance_environment& environment);

    std::unique_ptr<cluster::placement> placement_;
    note_table notes_;
    std::uint64_t loss_mark_ = 0;
    journal journal_;
    std::unique_ptr<storage::store_environment> store_environment_;
    std::unique_ptr<storage::chunk_store> store_;
    std::unique_ptr<metadata::name_space> names_;
    std::unique_ptr<service_state> state_;
    // What is done between requests and with other servers; in the order in which they stand on each other.
    runtime::call_context background_context_;
    std::unique_ptr<runtime::task_scope> background_;
    std::unique_ptr<peers> peers_;
    std::unique_ptr<directories> directories_;
    std::unique_ptr<directory_log> directory_log_;
    std::unique_ptr<duties> duties_;
    std::unique_ptr<agreements> agreements_;
    std::unique_ptr<reservations> reservations_;
    std::unique_ptr<stripes> stripes_;
    std::unique_ptr<lost_chunks> lost_chunks_;
    std::unique_ptr<rpc::server> server_;
    std::unique_ptr<stats_sources> statistics_;
};

} // namespace benchfs::server
