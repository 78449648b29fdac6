// The number of the last loss: another one after each start with which a server may have lost changes that it
// had acknowledged. Clients compare it when they sync (rpc/unsynced.hpp).
//
// It is a note, with the power cycle in which it was written: a log that brings it back in another one may have
// lost what came behind it. A server that stops says so behind all its changes. What comes back with that note
// has lost nothing, whatever became of the machine.
#pragma once

#include "benchfs/server/notes.hpp"

#include <array>
#include <cstdint>

namespace benchfs::server {

class loss_mark {
public:
    static constexpr std::size_t note_bytes = 32; // storage/FORMAT.md
    struct found {
        std::uint64_t mark = 0; // from now on: the one of the notes, or a fresh one
        bool lost = false;      // what was acknowledged may be gone
    };
    /// Stages the mark where it changes, with what else follows from a loss: in one frame, so a server that
    /// dies before it is written finds the loss again. It must be durable before the first answer.
    [[nodiscard]] static found take_up(note_table& notes, std::array<std::uint64_t, 2> power_cycle,
                                       std::uint64_t fresh);
    /// No start of this store has ever come to its first answer.
    [[nodiscard]] static bool missing(const note_table& notes) noexcept {
        return !notes.has(note_kind::losses, 0);
    }
    /// The server stops, and nothing is changed behind this.
    static void stopped(note_table& notes);
};

} // namespace benchfs::server
