// What every method about a name does first.
#pragma once

#include "benchfs/server/directories.hpp"

namespace benchfs::server {

/// Waits until the directory of a name may be used (directories::ready). try_again while other servers and this
/// one change the name. The name outlives the call; ok holds until the caller suspends.
[[nodiscard]] runtime::task<status> prepare_name(service_state& state, file_id parent, std::uint64_t paths,
                                                 std::string_view name, directories::use u);

} // namespace benchfs::server
