#include "benchfs/client/registry_resolver.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/cluster/registry.hpp"

namespace benchfs {

runtime::task<result<std::vector<std::byte>>> registry_resolver::address_of(server_id id) {
    std::string why;
    result<cluster::registry_view> view = cluster::read_view(directory_, why);
    if (!view) {
        BFS_LOG_DEBUG("client", "registry: %s", why.c_str());
        co_return errc::no_server;
    }
    for (cluster::server_record& record : view->servers) {
        if (record.id == id) { co_return std::move(record.address); }
    }
    co_return errc::no_server;
}

} // namespace benchfs
