#include "benchfs/transport/transports.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/loopback/transport.hpp"
#include "benchfs/transport/ucx/transport.hpp"
#include "benchfs/transport/window/factory.hpp"

#include <array>
#include <string>

namespace benchfs::transport {
namespace {

result<std::unique_ptr<transport>> make_loopback(runtime::loop& l, const transport_options& options) {
    if (options.network == nullptr) {
        BFS_LOG_ERROR("transport", "%s",
                      "loopback works only between transports of one process that share a loopback_network");
        return errc::bad_config;
    }
    std::unique_ptr<transport> made = std::make_unique<loopback_transport>(l, *options.network);
    return made;
}

enum class windows : std::uint8_t { none, wanted, required };

result<std::unique_ptr<transport>> make_network(std::string_view name, windows use, runtime::loop& l,
                                                const transport_options& options) {
    ucx::ucx_options network;
    network.name = name;
    network.seed = options.seed;
    network.require_path = use == windows::required;
    if (options.force_eager) { network.mode = ucx::payload_mode::eager; }
    if (options.force_rendezvous) { network.mode = ucx::payload_mode::rendezvous; }
    if (use != windows::none) {
        window::window_options shared;
        shared.seed = options.seed;
        auto factory = window::make_factory(l, shared);
        if (factory) {
            network.paths = std::move(*factory);
        } else if (use == windows::required) {
            BFS_LOG_ERROR("transport", "%s",
                          "this host has no shared memory for UCX (posix, sysv): no windows");
            return factory.error();
        } else {
            BFS_LOG_WARN("transport", "%s",
                         "no shared memory for UCX here: peers on this node are reached over the network");
        }
    }
    BFS_TRY(auto made, ucx::ucx_transport::create(l, std::move(network)));
    return std::unique_ptr<transport>(std::move(made));
}

result<std::unique_ptr<transport>> make_auto(runtime::loop& l, const transport_options& options) {
    return make_network("auto", windows::wanted, l, options);
}
result<std::unique_ptr<transport>> make_window(runtime::loop& l, const transport_options& options) {
    return make_network("window", windows::required, l, options);
}
result<std::unique_ptr<transport>> make_ucx(runtime::loop& l, const transport_options& options) {
    return make_network("ucx", windows::none, l, options);
}

constexpr std::array table{
    transport_entry{"auto", "a window in shared memory on this node, the network elsewhere", true, &make_auto},
    transport_entry{"window", "windows in shared memory only", true, &make_window},
    transport_entry{"ucx", "the network, also on this node", true, &make_ucx},
    transport_entry{"loopback", "inside one process (embedded file system, tests)", false, &make_loopback},
};

} // namespace

std::span<const transport_entry> transport_table() noexcept { return table; }

result<std::unique_ptr<transport>> make_transport(std::string_view name, runtime::loop& l,
                                                  const transport_options& options) {
    std::string names;
    for (const transport_entry& e : table) {
        if (e.name == name) { return e.make(l, options); }
        names += names.empty() ? "" : ", ";
        names += e.name;
    }
    BFS_LOG_ERROR("transport", "no transport is called '%.*s'; there are: %s", static_cast<int>(name.size()),
                  name.data(), names.c_str());
    return errc::bad_config;
}

} // namespace benchfs::transport
