// cluster.id in a server's data directory: the cluster that its store belongs to.
//
// A store is one part of its files: names, inodes and chunks lie on all servers. Beside stores of another
// cluster it would serve parts that do not belong together. Directories of earlier jobs lie around on the
// nodes, and a registry is made anew easily: then its cluster is that of the first store.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/cluster/registry.hpp"

#include <string>

namespace benchfs::cluster {

/// The cluster of the store in this directory; empty if there is no store yet, or one that was never started in
/// a cluster. bad_config if the file is damaged; `why` is set on every failure.
[[nodiscard]] result<std::string> read_store_cluster(const std::string& data_dir, std::string& why);

/// bad_config if the store is of another cluster than the registry; `why` names both and says what to do.
[[nodiscard]] status check_store_cluster(const std::string& data_dir, const std::string& store,
                                         const std::string& registry_dir, const cluster_info& cluster,
                                         std::string& why);

/// From now on the store belongs to this cluster.
[[nodiscard]] status keep_store_cluster(const std::string& data_dir, const std::string& id);

} // namespace benchfs::cluster
