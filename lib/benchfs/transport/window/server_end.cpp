#include "benchfs/transport/window/server_end.hpp"

#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/window/window_set.hpp"

#include <bit>

namespace benchfs::transport::window {
namespace {

constexpr auto progress_limit = std::chrono::seconds(5);

[[nodiscard]] request_token make_token(std::uint16_t id, std::uint16_t use) noexcept {
    return window_token_bit | request_token{use} << 16 | id;
}

} // namespace

server_end::server_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory, nonce expected)
    : window_end(set, host, std::move(memory), true), expected_(expected) {}

server_end::~server_end() { timer_.cancel(); }

bool server_end::confirm() noexcept { return shared().client_nonce == expected_; }

server_end::exchange* server_end::find(request_token token) noexcept {
    const auto id = static_cast<std::uint16_t>(token);
    if (id >= exchange_count) { return nullptr; }
    exchange& e = exchanges_[id];
    const auto use = static_cast<std::uint16_t>(token >> 16);
    return e.active && !e.replied && e.out == nullptr && e.use == use ? &e : nullptr;
}

void server_end::send(send_operation& op) noexcept {
    exchange* e = closed_ ? nullptr : find(op.answers);
    if (e == nullptr) {
        op.on_sent(errc::peer_down); // the request is gone, with its connection or by a second reply
        return;
    }
    const auto bytes = static_cast<std::uint32_t>(op.payload_bytes());
    if (op.header.size() > e->reply_header_max || bytes > e->reply_payload_max) {
        op.on_sent(errc::message_too_long); // a smaller reply may follow
        return;
    }
    const bool staged = bytes != 0 && e->reply_payload_max > inline_max;
    BFS_ASSERT(staged || op.maker == nullptr);
    if (!writer_.fits(data_room(op.header.size(), staged ? 0 : bytes))) {
        op.on_sent(errc::peer_down);
        fail(errc::bad_frame, "the client kept no room for a reply");
        return;
    }
    record what;
    what.kind = staged ? record_kind::staged : record_kind::message;
    what.header_size = static_cast<std::uint16_t>(op.header.size());
    what.payload_size = bytes;
    what.exchange = id_of(*e);
    publish(what, op.header, staged ? nullptr : op.payload);
    if (staged) {
        e->out = &op;
        e->stalled = false;
        e->to_fill = bytes;
        if (op.maker == nullptr) { e->cursor = segment_cursor<const_byte_span>(*op.payload); }
        ++transfers_;
        watch_progress();
        fill_lent(*e);
        return;
    }
    e->replied = true;
    finish_if_done(*e);
    op.on_sent(errc::ok);
}

void server_end::fill_lent(exchange& e) noexcept {
    while (!closed_ && e.can_fill()) { fill_some(e); }
}

/// As much as goes at once.
void server_end::fill_some(exchange& e) noexcept {
    const auto first = static_cast<std::uint32_t>(std::countr_zero(e.lent));
    const auto side_by_side = static_cast<std::uint32_t>(std::countr_one(std::uint32_t{e.lent} >> first));
    // A copy in memory gains nothing from more, and the client waits for the first.
    const std::uint32_t most = e.out->maker != nullptr ? pieces_at_once : 1;
    const std::uint32_t pieces = std::min(side_by_side, most);
    const std::uint32_t bytes = std::min(e.to_fill, pieces * piece_bytes);
    if (!fill(e, {piece_at(first), bytes})) {
        e.stalled = true; // nobody waits for the client any more
        --transfers_;
        return;
    }
    e.to_fill -= bytes;
    send_pieces(e, first, bytes);
    if (closed_ || e.to_fill != 0) { return; }
    send_operation* op = std::exchange(e.out, nullptr);
    --transfers_;
    e.replied = true;
    finish_if_done(e);
    op->on_sent(errc::ok);
}

void server_end::send_pieces(exchange& e, std::uint32_t first, std::uint32_t bytes) noexcept {
    for (std::uint32_t piece = first; bytes != 0; ++piece) {
        if (!writer_.fits(0)) { return fail(errc::bad_frame, "the client kept no room for a piece"); }
        record what;
        what.kind = record_kind::piece;
        what.exchange = id_of(e);
        what.piece = static_cast<std::uint8_t>(piece);
        what.payload_size = std::min(bytes, piece_bytes);
        e.lent = static_cast<std::uint16_t>(e.lent & ~(1U << piece));
        bytes -= what.payload_size;
        ++moved_;
        publish(what);
    }
}

bool server_end::fill(exchange& e, byte_span pieces) noexcept {
    if (e.out->maker != nullptr) { return e.out->maker->make(pieces); }
    e.cursor.copy_out(pieces.data(), pieces.size());
    return true;
}

void server_end::go_on(send_operation& op) noexcept {
    exchange& e = exchanges_[static_cast<std::uint16_t>(op.answers) % exchange_count];
    if (closed_ || e.out != &op || !std::exchange(e.stalled, false)) { return; }
    ++transfers_;
    watch_progress();
    fill_lent(e);
}

bool server_end::abandon(send_operation& op) noexcept {
    for (exchange& e : exchanges_) {
        if (e.out != &op) { continue; }
        // Half a reply cannot be taken back: the client would wait for the rest.
        e.out = nullptr;
        if (!e.stalled) { --transfers_; }
        fail(errc::cancelled, "a reply was abandoned half-way");
        op.on_sent(errc::cancelled);
        return true;
    }
    return false;
}

void server_end::on_record(const record& what) noexcept {
    if (gathering_ != no_exchange && (what.kind != record_kind::piece || what.exchange != gathering_)) {
        work_backlog(); // records may rely on what came before them
        if (closed_) { return; }
    }
    switch (what.kind) {
    case record_kind::message:
    case record_kind::staged:
        return on_request(what);
    case record_kind::piece:
        return on_piece(what);
    case record_kind::lend: {
        if (what.exchange >= exchange_count || !has_staging()) {
            return fail(errc::bad_frame, "pieces for nobody");
        }
        exchange& e = exchanges_[what.exchange];
        if (!e.active || e.replied) { return; } // it crossed our reply
        e.lent |= what.lent;
        if (e.out == nullptr || e.out->maker == nullptr) { return fill_lent(e); }
        // Together with what else is lent in this poll: a client that waits for us has lent pieces one by one.
        if (!e.linked()) { filling_.push_back(e); }
        backlog_ = true;
        return;
    }
    case record_kind::abort: {
        if (what.exchange >= exchange_count) { return fail(errc::bad_frame, "an abort of nothing"); }
        exchange& e = exchanges_[what.exchange];
        if (!e.active || !e.in.active()) { return; }
        if (e.in.to_arrive != 0) { --transfers_; }
        stop_incoming(e.in, errc::cancelled);
        return finish_if_done(e);
    }
    default:
        return fail(errc::bad_frame, "an unknown record");
    }
}

void server_end::on_request(const record& what) noexcept {
    const bool staged = what.kind == record_kind::staged;
    if (staged && (!has_staging() || what.payload_size > max_payload || what.payload_size <= inline_max)) {
        return fail(errc::bad_frame, "a payload that cannot come in pieces");
    }
    if (what.exchange == no_exchange) {
        if (staged) { return fail(errc::bad_frame, "a staged message without a reply"); }
        return deliver(what, 0);
    }
    if (what.exchange >= exchange_count || what.reply_payload_max > max_payload ||
        what.reply_header_max > max_header || (what.reply_payload_max > inline_max && !has_staging())) {
        return fail(errc::bad_frame, "a request out of bounds");
    }
    exchange& e = exchanges_[what.exchange];
    if (e.active) { return fail(errc::bad_frame, "a request number that is in use"); }
    e.active = true;
    e.replied = false;
    ++e.use;
    e.reply_header_max = what.reply_header_max;
    e.reply_payload_max = what.reply_payload_max;
    e.lent = 0;
    e.in.begin(staged ? what.payload_size : 0);
    if (staged) {
        ++transfers_;
        watch_progress();
    }
    deliver(what, make_token(what.exchange, e.use));
}

void server_end::on_piece(const record& what) noexcept {
    if (what.exchange >= exchange_count || what.piece >= piece_count || !has_staging()) {
        return fail(errc::bad_frame, "a piece for nobody");
    }
    exchange& e = exchanges_[what.exchange];
    if (!e.active || what.payload_size == 0 || what.payload_size > std::min(piece_bytes, e.in.to_arrive) ||
        e.in.count == piece_count) {
        return fail(errc::bad_frame, "a piece that nobody waits for");
    }
    ++moved_;
    piece_arrived(e.in, what);
    if (e.in.to_arrive == 0) { --transfers_; }
    const receive_operation* op = e.in.receiver;
    if (op == nullptr || op->taker == nullptr || !op->taker->likes_more()) { return drain(what.exchange); }
    // Taken together with those behind it, at the end of the poll at the latest.
    gathering_ = what.exchange;
    backlog_ = true;
    if (e.in.count >= pieces_at_once) { work_backlog(); }
}

bool server_end::work_backlog() noexcept {
    bool any = false;
    if (gathering_ != no_exchange) {
        drain(std::exchange(gathering_, no_exchange));
        any = true;
    }
    // One of them, a few pieces: then comes what was lent meanwhile.
    while (!filling_.empty() && !any && !closed_) {
        exchange& e = filling_.pop_front();
        if (!e.can_fill()) { continue; }
        any = true;
        fill_some(e);
        if (e.can_fill()) { filling_.push_back(e); }
    }
    backlog_ = !filling_.empty();
    return any;
}

void server_end::give_back(std::uint16_t id, std::uint8_t piece) noexcept {
    if (closed_) { return; }
    if (!writer_.fits(0)) { return fail(errc::bad_frame, "the client kept no room for a piece"); }
    record what;
    what.kind = record_kind::release;
    what.exchange = id;
    what.piece = piece;
    publish(what);
}

void server_end::finish_if_done(exchange& e) noexcept {
    if (e.replied && e.out == nullptr && !e.in.active()) { e.active = false; }
}

void server_end::watch_progress() noexcept {
    if (timer_.armed() || closed_) { return; }
    moved_at_check_ = moved_;
    set_.owner().arm(timer_, set_.owner().now() + progress_limit);
}

void server_end::check_progress() noexcept {
    if (transfers_ == 0 || closed_) { return; }
    if (moved_ == moved_at_check_) { return fail(errc::timed_out, "a transfer made no progress for 5 s"); }
    watch_progress();
}

void server_end::shut(errc reason) noexcept {
    closed_ = true;
    timer_.cancel();
    for (exchange& e : exchanges_) {
        e.unlink();
        if (!e.active) { continue; }
        if (send_operation* op = std::exchange(e.out, nullptr); op != nullptr) { op->on_sent(reason); }
        if (e.in.active()) { stop_incoming(e.in, reason); }
    }
    detach_messages();
}

} // namespace benchfs::transport::window
