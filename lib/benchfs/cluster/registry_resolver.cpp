#include "benchfs/cluster/registry_resolver.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/cluster/registry.hpp"

namespace benchfs::cluster {

runtime::task<result<std::vector<std::byte>>> registry_resolver::address_of(server_id id) {
    std::string why;
    result<cluster::server_record> record = cluster::read_server(directory_, id, why);
    if (record) { co_return std::move(record->address); }
    BFS_LOG_DEBUG("cluster", "registry: %s", why.c_str());
    co_return errc::no_server;
}

} // namespace benchfs::cluster
