// What every method about a name does first.
#pragma once

#include "benchfs/server/directories.hpp"

#include <optional>

namespace benchfs::server {

/// Waits until a directory may be used (directories::ready). peer_down, with its name for the client, while
/// server 0 does not answer; nothing has happened then.
[[nodiscard]] runtime::task<status> prepare_directory(service_state& state, rpc::server_call& call,
                                                      file_id parent, std::uint64_t paths, directories::use u);

/// The same for a name in it. try_again while other servers and this one change the name. The name outlives the
/// call; ok holds until the caller suspends.
[[nodiscard]] runtime::task<status> prepare_name(service_state& state, rpc::server_call& call, file_id parent,
                                                 std::uint64_t paths, std::string_view name,
                                                 directories::use u);

/// What a client hears of a change that failed because a server did not answer: its name, and peer_down where
/// nothing has happened. Where all have answered: try_again for busy, else `why` as it is.
[[nodiscard]] errc blamed(rpc::server_call& call, errc why, const std::optional<server_id>& silent) noexcept;

} // namespace benchfs::server
