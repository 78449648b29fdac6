// Which notes a server of this cluster can have written. A log is read after years, from any disk, and what it
// notes is acted on: other servers are told, names are held. So a note that makes no sense is refused with the
// log, like a record that is not understood.
//
// Nothing may be noted that is refused here: what a request brings is checked before it becomes a note.
#pragma once

#include "benchfs/base/types.hpp"
#include "benchfs/server/notes.hpp"

#include <string_view>

namespace benchfs::server {

/// Who reads the log.
struct note_reader {
    server_id self{0};
    std::uint32_t servers = 1;
};

/// What is wrong with the note; empty: nothing.
[[nodiscard]] std::string_view problem_of(note_kind kind, std::uint64_t key, const_byte_span body,
                                          note_reader reader);
/// For the removal of a note, which has no more than this.
[[nodiscard]] bool known(note_kind kind) noexcept;

/// Whether a server of a cluster of so many can have given this id out.
[[nodiscard]] constexpr bool possible(file_id id, std::uint32_t servers) noexcept {
    return id.valid() && index(id.home()) < servers;
}

} // namespace benchfs::server
