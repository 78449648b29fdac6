#include "benchfs/transport/window/client_end.hpp"

#include <bit>

namespace benchfs::transport::window {
namespace {

// A record that must wrap wastes less than its own size, once a lap; and the reply that is being handled still
// occupies its place when its room is given to the next request.
constexpr std::uint32_t reply_room_limit = data_bytes - 2 * largest_record;

[[nodiscard]] std::uint32_t reply_room(const send_operation& op) noexcept {
    return data_room(op.reply_header_max, op.reply_payload_max <= inline_max ? op.reply_payload_max : 0);
}

} // namespace

client_end::client_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory)
    : window_end(set, host, std::move(memory), false) {
    for (std::uint32_t i = 0; i < exchange_count; ++i) {
        free_[i] = static_cast<std::uint16_t>(exchange_count - 1 - i);
    }
}

client_end::~client_end() { BFS_ASSERT(waiting_.empty() && wanting_.empty()); }

bool client_end::carries(const send_operation& op) const noexcept {
    if (op.header.size() > max_header || op.answers != 0) { return false; }
    return has_staging() || (op.payload_bytes() <= inline_max && op.reply_payload_max <= inline_max);
}

void client_end::send(send_operation& op) noexcept {
    if (closed_) {
        op.on_sent(errc::peer_down);
        return;
    }
    if (!waiting_.empty() || !try_start(op)) {
        waiting_.push_back(op);
        backlog_ = true;
    }
}

bool client_end::try_start(send_operation& op) noexcept {
    const std::size_t bytes = op.payload_bytes();
    const bool staged = bytes > inline_max;
    const bool expects_reply = op.reply_header_max != 0;
    // A request without a reply cannot be staged: nothing would say when its pieces are free.
    BFS_ASSERT(expects_reply || !staged);
    const std::uint32_t room = expects_reply ? reply_room(op) : 0;
    if (expects_reply && (free_count_ == 0 || reply_room_ + room > reply_room_limit)) { return false; }
    if (!writer_.fits(data_room(op.header.size(), staged ? 0 : bytes))) { return false; }

    if (!staged) { op.complete_payload(bytes); }
    record what;
    what.kind = staged ? record_kind::staged : record_kind::message;
    what.header_size = static_cast<std::uint16_t>(op.header.size());
    what.payload_size = static_cast<std::uint32_t>(bytes);
    if (expects_reply) {
        what.exchange = free_[--free_count_];
        what.reply_header_max = static_cast<std::uint16_t>(op.reply_header_max);
        what.reply_payload_max = op.reply_payload_max;
        exchange& e = exchanges_[what.exchange];
        e.active = true;
        e.replied = false;
        e.room = room;
        reply_room_ += room;
        e.to_lend = op.reply_payload_max > inline_max ? op.reply_payload_max : 0;
        if (staged) {
            e.out = &op;
            e.cursor = segment_cursor<const_byte_span>(*op.payload);
        }
        publish(what, op.header, staged ? nullptr : op.payload);
        if (staged || e.to_lend != 0) {
            want_pieces(e);
            pump();
        }
    } else {
        publish(what, op.header, op.payload);
    }
    if (!staged) { op.on_sent(errc::ok); }
    return true;
}

bool client_end::work_backlog() noexcept {
    pump();
    bool any = false;
    while (!waiting_.empty() && !closed_) {
        send_operation& op = waiting_.pop_front();
        if (!try_start(op)) {
            waiting_.push_front(op);
            break;
        }
        any = true;
    }
    note_backlog();
    return any;
}

bool client_end::blocked_on_ring() noexcept {
    // Replies and pieces come back as records, which wake us; room in our own ring comes back silently.
    return backlog_ && !closed_ && writer_.outstanding() != 0 && !writer_.fits(largest_record);
}

bool client_end::abandon(send_operation& op) noexcept {
    if (op.linked()) {
        op.unlink();
        op.on_sent(errc::cancelled);
        return true;
    }
    for (exchange& e : exchanges_) {
        if (e.out != &op) { continue; }
        e.out = nullptr;
        e.abort = true;
        want_pieces(e);
        pump();
        op.on_sent(errc::cancelled);
        return true;
    }
    return false;
}

void client_end::want_pieces(exchange& e) noexcept {
    if (!e.linked()) { wanting_.push_back(e); }
    backlog_ = true;
}

/// In turn: the longer ago the other side has looked at a piece, the less it costs to fill it (a tenth of a
/// MiB's time between the piece that came back last and one that lay idle for a MiB).
std::uint32_t client_end::take_piece(exchange& e) noexcept {
    const std::uint32_t behind = free_pieces_ >> next_piece_ << next_piece_;
    const auto piece = static_cast<std::uint32_t>(std::countr_zero(behind != 0 ? behind : free_pieces_));
    next_piece_ = (piece + 1) % piece_count;
    free_pieces_ &= ~(1U << piece);
    piece_user_[piece] = id_of(e);
    ++e.held;
    return piece;
}

void client_end::put_piece(std::uint32_t piece) noexcept {
    free_pieces_ |= 1U << piece;
    --exchanges_[piece_user_[piece]].held;
}

/// Hands free pieces to the exchanges that want them, a few each in turn: one large transfer starves nobody,
/// and the pieces of each lie side by side.
void client_end::pump() noexcept {
    while (!wanting_.empty() && !closed_ && writer_.fits(0)) {
        exchange& e = wanting_.pop_front();
        const std::uint16_t id = id_of(e);
        if (e.abort) {
            e.abort = false;
            record what;
            what.kind = record_kind::abort;
            what.exchange = id;
            publish(what);
            finish_if_done(e, id);
            continue;
        }
        if (!e.wants_piece()) { continue; }
        if (free_pieces_ == 0) {
            wanting_.push_front(e);
            return;
        }
        if (e.out != nullptr) {
            fill_piece(e, id);
        } else {
            lend_piece(e, id);
        }
        if (!e.active || !e.wants_piece() || e.linked()) { continue; }
        if (++e.turn < pieces_at_once) {
            wanting_.push_front(e);
        } else {
            e.turn = 0;
            wanting_.push_back(e);
        }
    }
}

void client_end::fill_piece(exchange& e, std::uint16_t id) noexcept {
    const std::uint32_t piece = take_piece(e);
    e.out->complete_payload(e.out->payload_bytes() - e.cursor.remaining() + piece_bytes);
    record what;
    what.kind = record_kind::piece;
    what.exchange = id;
    what.piece = static_cast<std::uint8_t>(piece);
    what.payload_size = static_cast<std::uint32_t>(e.cursor.copy_out(piece_at(piece), piece_bytes));
    publish(what);
    if (e.cursor.remaining() != 0) { return; }
    send_operation* op = std::exchange(e.out, nullptr);
    finish_if_done(e, id);
    op->on_sent(errc::ok);
}

void client_end::lend_piece(exchange& e, std::uint16_t id) noexcept {
    record what;
    what.kind = record_kind::lend;
    what.exchange = id;
    while (free_pieces_ != 0 && e.wants_piece()) {
        const std::uint32_t piece = take_piece(e);
        what.lent = static_cast<std::uint16_t>(what.lent | 1U << piece);
        e.to_lend -= std::min(e.to_lend, piece_bytes);
    }
    e.lent |= what.lent;
    publish(what);
}

void client_end::on_record(const record& what) noexcept {
    switch (what.kind) {
    case record_kind::message:
    case record_kind::staged:
        on_reply(what);
        break;
    case record_kind::release:
        if (what.piece >= piece_count || (free_pieces_ >> what.piece & 1) != 0) {
            return fail(errc::bad_frame, "a piece came back that was not out");
        }
        {
            exchange& e = exchanges_[piece_user_[what.piece]];
            put_piece(what.piece);
            if (e.active && e.wants_piece()) { want_pieces(e); }
        }
        break;
    case record_kind::piece: {
        if (what.exchange >= exchange_count || what.piece >= piece_count) {
            return fail(errc::bad_frame, "a piece for nobody");
        }
        exchange& e = exchanges_[what.exchange];
        if (!e.replied || (e.lent >> what.piece & 1) == 0 || what.payload_size == 0 ||
            what.payload_size > std::min(piece_bytes, e.in.to_arrive)) {
            return fail(errc::bad_frame, "a piece that was not lent, or too much in it");
        }
        e.lent &= ~(1U << what.piece);
        piece_arrived(e.in, what);
        drain(what.exchange);
        break;
    }
    default:
        return fail(errc::bad_frame, "an unknown record");
    }
    if (!wanting_.empty()) { pump(); } // now, not at the end of the poll: the peer fills while we copy
}

void client_end::on_reply(const record& what) noexcept {
    if (what.exchange >= exchange_count || !exchanges_[what.exchange].active ||
        exchanges_[what.exchange].replied) {
        return fail(errc::bad_frame, "a reply to nothing");
    }
    exchange& e = exchanges_[what.exchange];
    const std::uint32_t staged = what.kind == record_kind::staged ? what.payload_size : 0;
    const std::uint32_t lent_bytes = static_cast<std::uint32_t>(std::popcount(e.lent)) * piece_bytes;
    if (staged > e.to_lend + lent_bytes) { return fail(errc::bad_frame, "a reply larger than asked for"); }
    e.replied = true;
    // The reply may be shorter than the room it was given: the rest needs no pieces.
    e.to_lend = staged > lent_bytes ? staged - lent_bytes : 0;
    e.in.begin(staged);
    deliver(what, 0);
    finish_if_done(e, what.exchange);
}

void client_end::give_back(std::uint16_t id, std::uint8_t piece) noexcept {
    exchange& e = exchanges_[id];
    put_piece(piece);
    if (e.to_lend != 0) { want_pieces(e); }
}

void client_end::incoming_done(std::uint16_t id) noexcept { finish_if_done(exchanges_[id], id); }

void client_end::finish_if_done(exchange& e, std::uint16_t id) noexcept {
    if (!e.active || !e.replied || e.out != nullptr || e.abort || e.in.active()) { return; }
    // Pieces that were lent and not needed: the server has forgotten them with its last record.
    for (std::uint32_t left = std::exchange(e.lent, 0); left != 0; left &= left - 1) {
        put_piece(static_cast<std::uint32_t>(std::countr_zero(left)));
    }
    e.unlink();
    e.to_lend = 0;
    e.active = false;
    reply_room_ -= e.room;
    free_[free_count_++] = id;
}

void client_end::shut(errc reason) noexcept {
    while (!closed_ && poll()) {} // replies that are already here count
    closed_ = true;
    while (!waiting_.empty()) { waiting_.pop_front().on_sent(reason); }
    for (exchange& e : exchanges_) {
        e.unlink();
        if (!e.active) { continue; }
        if (send_operation* op = std::exchange(e.out, nullptr); op != nullptr) { op->on_sent(reason); }
        if (e.in.active()) { stop_incoming(e.in, reason); }
    }
    detach_messages();
}

} // namespace benchfs::transport::window
