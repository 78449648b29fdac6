// The size of a file after its bytes were stored at its home: writes and appends share it.
#pragma once

#include "benchfs/server/services.hpp"

namespace benchfs::server {

/// Whether a write may store bytes at the home of this file: no truncation is under way or waits to begin.
[[nodiscard]] bool may_write_here(const service_state& state, file_id file) noexcept;

/// The file after a write that ended at `end`; see home_writes. A truncation before its bytes were stored has
/// left the file in another epoch than the write began in: the write is the later one. stale_handle: the file
/// went away.
[[nodiscard]] result<metadata::attributes> grow(service_state& state, file_id file, std::uint64_t epoch,
                                                std::uint64_t end);

/// In the step in which anybody else has made the file so long: what an append that is under way has stored may
/// be seen from now on. If this server dies, its client must not be told to do it again.
void note_growth(service_state& state, file_id file, std::uint64_t size);

/// Once, at a start, after the duties are taken up: what an earlier start of this server may have sent to
/// others for appends is refused there from now on. Each such file is cut to its size, in a new epoch. Staged.
void fence_appends(service_state& state);

/// Stores the payload of a call at the end of the file, wherever that is; see rpc::write_chunk.
[[nodiscard]] runtime::task<status> append(service_state& state, rpc::server_call& call,
                                           rpc::write_chunk::request asked);

} // namespace benchfs::server
