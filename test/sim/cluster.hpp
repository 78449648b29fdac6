// A whole cluster in the simulated world: servers that can crash and come back, and clients.
#pragma once

#include "disk.hpp"
#include "host.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/base/random.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/server/instance.hpp"

#include <memory>
#include <string>
#include <vector>

namespace benchfs::sim {

struct cluster_plan {
    unsigned servers = 1;
    unsigned clients = 3;
    std::string engine = "memory";
    std::uint32_t chunk_size = 16 * KiB;
    std::uint64_t memory_limit = 64 * MiB;
    std::uint64_t disk_bytes = ~0ULL;
    std::uint64_t data_bytes = 0; // that the uring engine may use; 0: all there is
    std::uint64_t log_segment = 256 * KiB;
    std::uint64_t log_segments = 8; // half of them used: a checkpoint
    rpc::planted_faults planted;
    bool (*repeat_as_new)() = nullptr;
    unsigned skip_sync_percent = 0;
    unsigned copies_percent = 0; // see disk_faults
    bool swap_chunks = false;
};

/// Nonces of a simulation: the same in every run of a seed.
class seeded_random final : public random_source {
public:
    explicit seeded_random(std::uint64_t seed) noexcept : numbers_(seed) {}
    [[nodiscard]] status fill(byte_span out) noexcept override {
        for (std::byte& b : out) { b = static_cast<std::byte>(numbers_.next() & 0xff); }
        return ok();
    }

private:
    prng numbers_;
};

class sim_cluster final : private rpc::address_resolver {
public:
    sim_cluster(world& w, const cluster_plan& settings);
    ~sim_cluster() override;

    /// Starts a server that is down; what is on its disk is there.
    [[nodiscard]] runtime::task<status> start(unsigned server);
    /// The same, killed on its way as often as chance wills; `power`: with its machine.
    [[nodiscard]] runtime::task<status> start_at_last(unsigned server, unsigned deaths_percent, bool power);
    /// Kills a server that is up; `power`: with its machine. Returns at once, what is left of the process ends
    /// below `scope`.
    void crash(unsigned server, bool power, runtime::task_scope& scope);
    /// Has one stop that is up, as on SIGTERM; otherwise like crash().
    void leave(unsigned server, runtime::task_scope& scope) {
        scope.spawn(bury(std::move(servers_[server]->process)));
    }
    [[nodiscard]] bool up(unsigned server) const noexcept { return servers_[server]->process != nullptr; }
    /// Says goodbye to everything. Await it before destruction.
    [[nodiscard]] runtime::task<void> stop();

    [[nodiscard]] file_system& fs(unsigned client) noexcept { return *clients_[client]->fs; }
    [[nodiscard]] network& net() noexcept { return network_; }
    [[nodiscard]] host& client_host(unsigned client) noexcept { return *clients_[client]->at; }
    /// The server must be up.
    [[nodiscard]] host& server_host(unsigned server) noexcept { return *servers_[server]->process->at; }
    /// Where it calls other servers from.
    [[nodiscard]] host& calling_host(unsigned server) noexcept { return *servers_[server]->process->calling; }
    [[nodiscard]] disk_image& disk(unsigned server) noexcept { return servers_[server]->disk; }
    [[nodiscard]] const cluster_plan& settings() const noexcept { return settings_; }

private:
    struct process {
        std::unique_ptr<host> at;
        std::unique_ptr<host> calling;
        std::unique_ptr<server::instance_environment> environment;
        std::unique_ptr<server::instance> instance;
    };
    struct machine {
        explicit machine(world& w) noexcept : disk(w) {}
        disk_image disk;
        std::unique_ptr<sim_cluster::process> process;
        std::vector<std::byte> last_address;
    };
    struct client {
        std::unique_ptr<host> at;
        std::unique_ptr<rpc::client> calls;
        std::unique_ptr<file_system> fs;
    };
    [[nodiscard]] runtime::task<result<std::vector<std::byte>>> address_of(server_id id) override;
    [[nodiscard]] static runtime::task<status> bury(std::unique_ptr<process> p);
    /// What every process of the cluster knows of it.
    [[nodiscard]] rpc::cluster_identity identity() noexcept { return {{1, 2}, {}, &nonces_}; }

    world& world_;
    seeded_random nonces_;
    cluster_plan settings_;
    network network_;
    std::unique_ptr<benchfs::cluster::placement> placement_;
    std::vector<std::unique_ptr<machine>> servers_;
    std::vector<std::unique_ptr<client>> clients_;
};

} // namespace benchfs::sim
