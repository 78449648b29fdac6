// Taking away bytes: of files that are gone, and what a truncation cut off, here and on the other servers that
// have chunks of them.
#pragma once

#include "benchfs/server/services.hpp"

#include <vector>

namespace benchfs::server {

/// Removes the chunks of a file that lie beyond `size` bytes and belong on this server; `old_size` says how far
/// they may reach. Suspends.
[[nodiscard]] runtime::task<status> cut_chunks(service_state& state, file_id file, std::uint32_t chunk_size,
                                               std::uint64_t old_size, std::uint64_t size);

/// Makes it a duty to tell every server with chunks of this file that it was cut, or is gone (`epoch` as in
/// rpc::cut_file). The numbers of the duties. In the step in which the inode changes.
[[nodiscard]] std::vector<std::uint64_t> cut_copies(service_state& state, file_id file, std::uint64_t epoch,
                                                    std::uint64_t size, std::uint32_t chunk_size);

/// Ends a file whose inode was removed: its chunks here, and those of the other servers. Ok also when one of
/// those is away: it is told later. `owed` are the duties of cut_copies().
[[nodiscard]] runtime::task<status> finish_removal(service_state& state, metadata::attributes gone,
                                                   std::vector<std::uint64_t> owed);

/// Removes an inode that lives here and lost its name, with its bytes. stale_handle. Suspends.
[[nodiscard]] runtime::task<status> drop_inode(service_state& state, file_id id);

/// Ends a truncation: what lies beyond the file's size goes, here and on the other servers, before the answer.
/// outcome_unknown if one of those cannot be told in time; it will be. To be called in the step in which the
/// inode changed. Suspends.
[[nodiscard]] runtime::task<status> finish_truncation(service_state& state, metadata::attributes now,
                                                      std::uint64_t old_size);

/// Tells the home that its inode lost its name, and waits for it as finish_removal() does.
[[nodiscard]] runtime::task<status> drop_elsewhere(service_state& state, file_id id);

/// The same for an inode of any home, without waiting, in the step in which its last name goes: at once or as a
/// duty.
void drop_later(service_state& state, file_id id);

} // namespace benchfs::server
