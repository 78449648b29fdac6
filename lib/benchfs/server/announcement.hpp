// A server's address file in the registry, while it serves: it stays there, and stays its own.
#pragma once

#include "benchfs/cluster/server_record.hpp"
#include "benchfs/runtime/task.hpp"

#include <string>

namespace benchfs::uring {
class ring;
}

namespace benchfs::server {

/// Looks at the file from time to time. If it is gone it is written again: somebody cleaned up, or the
/// directory was away. address_in_use when another process has taken its place, which serves other files under
/// the same number then: this server must stop. Else the reason when the caller is stopped.
[[nodiscard]] runtime::task<status> keep_announced(uring::ring& ring, std::string registry_dir,
                                                   cluster::server_record record);

} // namespace benchfs::server
