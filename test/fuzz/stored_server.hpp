// A server on a store in memory, for the targets that make its log; alone, or one of two.
#pragma once

#include "../unit/runtime/support.hpp"
#include "rpc_peer.hpp"

#include "benchfs/client/file_system.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/storage/disk_memory.hpp"

#include <memory>
#include <vector>

namespace benchfs::fuzz {

inline constexpr std::uint64_t fuzz_log_segment = 64 * KiB;
inline constexpr std::uint64_t fuzz_data_segment = 1 * MiB;

/// The cluster that the store belongs to.
struct cluster_shape {
    std::uint32_t self = 0;
    std::uint32_t servers = 1;
};

/// A server with the io_uring engine over a disk in memory, the other servers of its cluster, which have
/// nothing yet, and a client. Time is virtual: whoever waits for a deadline has it at once.
class stored_server final : private rpc::address_resolver {
public:
    explicit stored_server(storage::disk_image& image, cluster_shape shape = {});
    stored_server(const stored_server&) = delete;
    stored_server& operator=(const stored_server&) = delete;
    ~stored_server() override;

    [[nodiscard]] bool opened() const noexcept { return stored_->instance != nullptr; }
    /// The answer is yes or no, whatever was recovered.
    void use();
    void fill();
    void checkpoint();

private:
    struct member {
        member(runtime::loop& loop, transport::loopback_network& network)
            : answering(loop, network), calling(loop, network) {}
        transport::loopback_transport answering;
        transport::loopback_transport calling;
        std::unique_ptr<server::instance_environment> environment;
        std::unique_ptr<server::instance> instance;
    };
    void open(std::uint32_t id, storage::disk_image* image);
    [[nodiscard]] runtime::task<result<std::vector<std::byte>>> address_of(server_id id) override;

    transport::loopback_network network_;
    test::virtual_loop time_;
    runtime::loop& loop_ = time_.loop;
    std::vector<std::unique_ptr<member>> members_;
    member* stored_ = nullptr; // which of them has the store
    transport::loopback_transport client_wire_{loop_, network_};
    std::unique_ptr<rpc::client> calls_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<file_system> fs_;
};

/// What a server that was killed after some work leaves.
[[nodiscard]] const storage::disk_image& worked();
/// The data of `worked()` without its log.
[[nodiscard]] storage::disk_image data_only();
/// Opens a server on it, uses it if it serves, stops it, and opens it again.
void open_on(storage::disk_image& image, cluster_shape shape = {});

} // namespace benchfs::fuzz
