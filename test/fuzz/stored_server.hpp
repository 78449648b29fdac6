// A server on a store in memory, for the targets that make its log.
#pragma once

#include "rpc_peer.hpp"

#include "benchfs/client/file_system.hpp"
#include "benchfs/server/instance.hpp"
#include "benchfs/storage/disk_memory.hpp"

#include <memory>

namespace benchfs::fuzz {

inline constexpr std::uint64_t fuzz_log_segment = 64 * KiB;
inline constexpr std::uint64_t fuzz_data_segment = 1 * MiB;

/// A server with the io_uring engine over a disk in memory, and a client of it.
class stored_server {
public:
    explicit stored_server(storage::disk_image& image);
    ~stored_server();

    [[nodiscard]] bool opened() const noexcept { return instance_ != nullptr; }
    /// The answer is yes or no, whatever was recovered.
    void use();
    void fill();
    void checkpoint();

private:
    transport::loopback_network network_;
    runtime::loop loop_;
    transport::loopback_transport wire_;
    transport::loopback_transport client_wire_;
    std::unique_ptr<server::instance_environment> environment_;
    std::unique_ptr<server::instance> instance_;
    std::unique_ptr<rpc::address_resolver> resolver_;
    std::unique_ptr<rpc::client> calls_;
    std::unique_ptr<cluster::placement> placement_;
    std::unique_ptr<file_system> fs_;
};

/// What a server that was killed after some work leaves.
[[nodiscard]] const storage::disk_image& worked();
/// The data of `worked()` without its log.
[[nodiscard]] storage::disk_image data_only();
/// Opens a server on it, uses it if it serves, stops it, and opens it again.
void open_on(storage::disk_image& image);

} // namespace benchfs::fuzz
