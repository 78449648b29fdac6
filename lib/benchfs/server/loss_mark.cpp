#include "benchfs/server/loss_mark.hpp"

namespace benchfs::server {
namespace {

/// The note's bytes (storage/FORMAT.md).
struct last_loss {
    std::uint64_t mark = 0;
    std::array<std::uint64_t, 2> power_cycle{};
    std::uint64_t stopped = 0;
};
static_assert(wire_struct<last_loss> && sizeof(last_loss) == loss_mark::note_bytes);

} // namespace

loss_mark::found loss_mark::take_up(note_table& notes, std::array<std::uint64_t, 2> power_cycle,
                                    std::uint64_t fresh) {
    last_loss now;
    now.mark = fresh;
    now.power_cycle = power_cycle;
    bool lost = true;
    if (const auto before = notes.get<last_loss>(note_kind::losses, 0)) {
        // A cycle that nobody knows is never the same.
        const bool same = before->power_cycle == power_cycle && power_cycle[0] != 0;
        if (same && before->stopped == 0) { return {before->mark, false}; }
        lost = !same && before->stopped == 0;
        if (!lost) { now.mark = before->mark; }
    }
    notes.set(note_kind::losses, 0, now);
    return {now.mark, lost};
}

void loss_mark::stopped(note_table& notes) {
    auto now = notes.get<last_loss>(note_kind::losses, 0);
    if (!now) { return; }
    now->stopped = 1;
    notes.set(note_kind::losses, 0, *now);
}

} // namespace benchfs::server
