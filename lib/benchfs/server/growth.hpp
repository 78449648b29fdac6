// The size of a file after its bytes were stored at its home: writes and appends share it.
#pragma once

#include "benchfs/server/services.hpp"

namespace benchfs::server {

/// The file after a write in `epoch` that ended at `end`. A truncation meanwhile means another epoch, and the
/// write counts as later than it. stale_handle: the file went away.
[[nodiscard]] result<metadata::attributes> grow(service_state& state, file_id file, std::uint64_t epoch,
                                                std::uint64_t end);

/// Before grow(): a truncation whose bytes other servers still have is waited for. try_again: this server
/// stops.
[[nodiscard]] runtime::task<status> let_truncation_end(service_state& state, file_id file);

/// Stores the payload of a call at the end of the file, wherever that is; see rpc::write_chunk.
[[nodiscard]] runtime::task<status> append(service_state& state, rpc::server_call& call,
                                           rpc::write_chunk::request asked);

} // namespace benchfs::server
