// The UCX context of the network: active messages, streams and wake-up, never over shared memory unless asked
// for.
//
// Same-node peers use windows (transport/window/): all senders of UCX's own shared-memory messages share one
// queue, and a process killed while it sends would wedge it for everyone. So whatever UCX_TLS says, its
// shared-memory transports are taken out; other settings are made before the context is, unless the user's
// environment sets them.
#pragma once

#include "benchfs/base/result.hpp"

#include <ucp/api/ucp.h>

#include <memory>
#include <string>
#include <string_view>

namespace benchfs::transport::ucx {

/// The TLS setting for the network, from the user's UCX_TLS (empty: not set). bad_config when nothing is left
/// that reaches another process.
[[nodiscard]] result<std::string> network_tls(std::string_view user);

struct context_options {
    /// UCX's shared memory too, with its handling of lost peers switched on: for tools that show bare UCX and
    /// whose processes are not killed while they send.
    bool shared_memory = false;
};

class context {
public:
    /// Logs "Failed to create UCX context: ..." with a hint before it returns an error: bad_config for a
    /// UCX_TLS that leaves nothing, not_supported when UCX finds no network device.
    [[nodiscard]] static result<std::unique_ptr<context>> create(context_options options = {});
    ~context() { ucp_cleanup(handle_); }
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    [[nodiscard]] ucp_context_h handle() const noexcept { return handle_; }
    /// What carries messages, e.g. "tcp/lo tcp/eth0"; for logs.
    [[nodiscard]] const std::string& resources() const noexcept { return resources_; }
    [[nodiscard]] const context_options& options() const noexcept { return options_; }

private:
    context(ucp_context_h handle, std::string resources, context_options options)
        : handle_(handle), resources_(std::move(resources)), options_(options) {}

    ucp_context_h handle_;
    std::string resources_;
    context_options options_;
};

} // namespace benchfs::transport::ucx
