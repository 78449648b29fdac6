// The window of a connection between two processes of a node: payloads in pieces of whole blocks.
//
// What the sender has put there stays until the receiver has closed its end: it is seen late, or in part, and
// nothing is seen after the sender was expelled. Pieces change as soon as they have been taken.
#include "host.hpp"

#include <algorithm>

namespace benchfs::sim {
namespace {

// Smaller than in life, as chunks are.
constexpr std::size_t block = 4 * KiB;
constexpr std::size_t largest_in_ring = block - 1;

} // namespace

bool link::stages(std::size_t bytes) const noexcept { return window_ && bytes > largest_in_ring; }

void link::put_pieces(const std::shared_ptr<flight>& f) {
    if (f->source == nullptr) { return; }
    if (f->source->maker == nullptr) { f->from = segment_cursor<const_byte_span>(*f->source->payload); }
    put_piece(f);
}

/// The sender fills, or has made, one piece later. Now and then it has lost its core meanwhile.
void link::put_piece(const std::shared_ptr<flight>& f) {
    const duration pace = world_.chance(10) ? world_.between(100us, 4ms) : world_.between(1us, 40us);
    world_.after(pace, [this, self = shared_from_this(), f] {
        if (f->source == nullptr) { return; }
        if (const time_point until = held(); until > world_.now()) {
            world_.at(until, [self, f] { self->put_piece(f); });
            return;
        }
        const std::size_t had = f->staged.size();
        const std::size_t size =
            std::min<std::size_t>(block * (1 + world_.random().below(4)), f->payload - had);
        f->staged.resize(had + size);
        const byte_span piece = byte_span(f->staged).subspan(had);
        if (f->source->maker == nullptr) {
            f->from.copy_out(piece.data(), size);
        } else if (!f->source->maker->make(piece)) {
            f->staged.resize(had);
            f->stalled = true;
            ++owner_.net().windows.stalls;
            return;
        }
        if (f->staged.size() < f->payload) { return put_piece(f); }
        transport::send_operation& op = *std::exchange(f->source, nullptr);
        std::erase_if(pending_, [&](const outgoing& o) { return o.message == f; });
        op.on_sent(errc::ok);
    });
}

void link::go_on(transport::send_operation& op) noexcept {
    const auto found = std::ranges::find(pending_, &op, &outgoing::op);
    if (found == pending_.end() || !std::exchange(found->message->stalled, false)) { return; }
    put_piece(found->message);
}

/// The receiver looks at what is there. A sender that is gone puts nothing more: then the end of the connection
/// has to come.
void link::see_piece(const std::shared_ptr<flight>& f) {
    const std::size_t there = f->staged.size() - f->moved;
    if (there == 0) {
        if (f->source != nullptr) { piece(f); }
        return;
    }
    if (world_.chance(owner_.net().lost_pieces_percent)) { cut(); }
    if (peer_ == nullptr) { ++owner_.net().windows.late; }
    const errc outcome = take(*f, std::min<std::size_t>(block * (1 + world_.random().below(4)), there));
    if (outcome == errc::ok && f->moved < f->payload) { return piece(f); }
    forget(f);
    std::exchange(f->receiving, nullptr)->on_received(outcome);
}

errc link::take(flight& f, std::size_t bytes) {
    const byte_span piece = byte_span(f.staged).subspan(f.moved, bytes);
    errc outcome = errc::ok;
    if (f.receiving->taker != nullptr) {
        outcome = f.receiving->taker->take(piece);
    } else {
        f.to.copy_in(piece.data(), piece.size());
    }
    f.moved += bytes;
    ++owner_.net().windows.pieces;
    std::ranges::fill(piece, std::byte{0xda}); // the next transfer's
    return outcome;
}

/// What this end, which closes, will not see any more.
void link::count_rest() noexcept {
    for (const std::shared_ptr<flight>& f : moving_) {
        if (!f->in_window) { continue; }
        window_counts& counts = owner_.net().windows;
        if (f->moved < f->staged.size()) { ++counts.dropped; }
        if (f->moved != 0 && f->staged.size() < f->payload) { ++counts.partial; }
    }
}

} // namespace benchfs::sim
