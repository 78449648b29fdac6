// Several servers and a client in one process and on one loop, with nothing hidden: tests reach into each
// server.
#pragma once

#include "benchfs/client/file_system.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/loopback/transport.hpp"

#include "catch.hpp"

#include <memory>
#include <vector>

namespace benchfs::test {

class loopback_cluster final : private rpc::address_resolver {
public:
    static constexpr std::uint32_t chunk_size = 64 * KiB;

    explicit loopback_cluster(unsigned servers) : calling_(loop_, network_) {
        for (unsigned i = 0; i < servers; ++i) {
            auto one = std::make_unique<member>(loop_, network_);
            one->environment = std::make_unique<server::instance_environment>(
                server::instance_environment{loop_, nullptr, one->answering, {}, {}, chunk_size, i * 2U + 1U});
            one->environment->peers.network = &one->calling;
            one->environment->peers.addresses = this;
            members_.push_back(std::move(one));
        }
        for (unsigned i = 0; i < servers; ++i) {
            server_options options;
            options.memory = true;
            options.id = i;
            options.servers = servers;
            options.memory_limit = 64 * MiB;
            options.memory_ahead = 0;
            auto opened = loop_.run(server::instance::open(*members_[i]->environment, options));
            REQUIRE(opened);
            members_[i]->instance = std::move(*opened);
        }
        auto placed = cluster::make_placement({}, servers);
        REQUIRE(placed);
        placement_ = std::move(*placed);
        rpc::address_resolver& self = *this;
        client_ = std::make_unique<rpc::client>(loop_, calling_, self, rpc::cluster_identity{},
                                                rpc::client_settings{});
        fs_ = std::make_unique<file_system>(*client_, *placement_, file_system_settings{});
    }
    loopback_cluster(const loopback_cluster&) = delete;
    loopback_cluster& operator=(const loopback_cluster&) = delete;
    ~loopback_cluster() override {
        loop_.run(client_->close());
        for (auto& one : members_) { (void)loop_.run(one->instance->stop()); }
    }

    [[nodiscard]] runtime::loop& loop() noexcept { return loop_; }
    [[nodiscard]] file_system& fs() noexcept { return *fs_; }
    [[nodiscard]] const cluster::placement& placement() const noexcept { return *placement_; }
    [[nodiscard]] server::instance& server(server_id id) noexcept { return *members_[index(id)]->instance; }
    [[nodiscard]] server::instance& home_of(file_id id) noexcept { return server(id.home()); }
    [[nodiscard]] server_id server_of(chunk_id id) const noexcept {
        return cluster::place_chunk(*placement_, id.file, id.index);
    }

    template <class T>
    T run(runtime::task<T> t) {
        return loop_.run(std::move(t));
    }
    /// Puts bytes into a store behind the server's back.
    [[nodiscard]] status store(server_id at, chunk_id chunk, std::uint32_t offset, std::uint32_t size) {
        storage::write_slot slot;
        slot.chunk = chunk;
        slot.offset = offset;
        slot.size = size;
        BFS_CHECK(server(at).store().prepare_now(slot));
        for (std::size_t i = 0; i < slot.target.count(); ++i) {
            std::memset(slot.target[i].data(), 'x', slot.target[i].size());
        }
        return server(at).store().commit_now(slot);
    }

private:
    struct member {
        member(runtime::loop& loop, transport::loopback_network& network)
            : answering(loop, network), calling(loop, network) {}
        transport::loopback_transport answering;
        transport::loopback_transport calling;
        std::unique_ptr<server::instance_environment> environment;
        std::unique_ptr<server::instance> instance;
    };
    [[nodiscard]] runtime::task<result<std::vector<std::byte>>> address_of(server_id id) override {
        co_return members_[index(id)]->answering.address();
    }

    transport::loopback_network network_;
    runtime::loop loop_;
    std::vector<std::unique_ptr<member>> members_;
    transport::loopback_transport calling_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<rpc::client> client_;
    std::unique_ptr<file_system> fs_;
};

} // namespace benchfs::test
