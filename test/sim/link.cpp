#include "link.hpp"

#include "host.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::sim {
namespace {

using transport::max_header;
using transport::max_payload;

// A request's token carries the room for its reply.
constexpr unsigned payload_bits = 25;
constexpr unsigned header_bits = 11;
// Payloads move in pieces that keep 64-byte cells whole: a cell is what the model calls atomic.
constexpr std::uint64_t cell = 64;

class arrived final : public transport::message {
public:
    arrived(world& w, std::shared_ptr<flight> f, std::shared_ptr<link> to)
        : world_(w), to_(std::move(to)), flight_(std::move(f)) {
        std::memcpy(header_, flight_->header.data(), flight_->header.size());
        header_size_ = static_cast<std::uint32_t>(flight_->header.size());
        payload_size_ = flight_->payload;
        token_ = flight_->token;
    }

    bool lies_here() const noexcept override { return flight_->in_window; }
    bool makes_reply() const noexcept override {
        return token_ != 0 && to_->is_server_side() && to_->stages(token_ & ((1U << payload_bits) - 1));
    }
    void receive(transport::receive_operation& op) noexcept override {
        BFS_ASSERT(!asked_);
        asked_ = true;
        flight_->receiving = &op;
        to_->move(flight_);
    }
    void abandon(transport::receive_operation& op) noexcept override {
        if (flight_->receiving != &op) { return; }
        flight_->receiving = nullptr;
        to_->forget(flight_);
        op.on_received(errc::cancelled);
    }

private:
    void release() noexcept override {
        BFS_ASSERT(flight_->receiving == nullptr);
        link::taken(world_, flight_);
        delete this;
    }

    world& world_;
    std::shared_ptr<link> to_;
    std::shared_ptr<flight> flight_;
    bool asked_ = false;
};

} // namespace

link::link(host& owner, bool server_side) noexcept : owner_(owner), world_(owner.net().owner()) {
    server_side_ = server_side;
}

link::~link() { BFS_ASSERT(pending_.empty() && moving_.empty()); }

errc link::refusal(const transport::send_operation& op) const noexcept {
    if (!open_) { return end_; }
    if (op.header.size() > max_header || op.payload_bytes() > max_payload) { return errc::message_too_long; }
    if (!server_side_) {
        const bool fits = op.reply_header_max <= max_header && op.reply_payload_max <= max_payload;
        return op.answers == 0 && fits ? errc::ok : errc::invalid_argument;
    }
    if (op.answers == 0) { return errc::invalid_argument; }
    const auto header_room = (op.answers >> payload_bits) & ((1U << header_bits) - 1);
    const auto payload_room = op.answers & ((1U << payload_bits) - 1);
    const bool fits = op.header.size() <= header_room && op.payload_bytes() <= payload_room;
    return fits ? errc::ok : errc::message_too_long;
}

transport::request_token link::token_of(const transport::send_operation& op) noexcept {
    if (server_side_) { return op.answers; }
    if (op.reply_header_max == 0) { return 0; }
    return ++requests_ << (payload_bits + header_bits) |
           static_cast<std::uint64_t>(op.reply_header_max) << payload_bits | op.reply_payload_max;
}

void link::send(transport::send_operation& op) noexcept {
    if (const errc refused = refusal(op); refused != errc::ok) {
        op.on_sent(refused);
        return;
    }
    op.complete_payload(op.payload_bytes());
    auto f = std::make_shared<flight>();
    f->header.assign(op.header.begin(), op.header.end());
    f->payload = op.payload_bytes();
    f->token = token_of(op);
    f->sender = weak_from_this();
    bool done = f->payload == 0;
    f->in_window = op.maker != nullptr || stages(f->payload);
    if (!done && !f->in_window && f->payload <= 8192 && world_.chance(50)) { // small enough to come along
        f->carried.resize(f->payload);
        segment_cursor<const_byte_span> from(*op.payload);
        from.copy_out(f->carried.data(), f->payload);
        done = true;
    }
    if (!done) {
        f->source = &op;
        pending_.push_back({&op, f});
    }
    if (peer_ != nullptr) {
        peer_->arrive(world_.now() + owner_.net().latency(owner_, peer_->owner_), f);
    } else {
        f->source = nullptr;
        f->lost = errc::peer_down;
    }
    if (done) { op.on_sent(errc::ok); }
    if (f->in_window) { put_pieces(f); }
}

void link::arrive(time_point due, std::shared_ptr<flight> f) {
    last_due_ = std::max(last_due_, due); // in order
    inbox_.push_back({last_due_, std::move(f)});
    wake_at(last_due_);
}

void link::wake_at(time_point when) {
    world_.at(when, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) { self->pump(); }
    });
}

void link::pump() {
    const auto self = shared_from_this();
    while (open_ && !inbox_.empty() && inbox_.front().due <= world_.now()) {
        if (const time_point until = held(); until > world_.now()) {
            wake_at(until + world_.between(1us, 200us));
            return;
        }
        if (!known) { // connect() has not returned yet: what comes before that waits
            wake_at(world_.now() + 1us);
            return;
        }
        const arrival a = std::move(inbox_.front());
        inbox_.pop_front();
        if (a.message == nullptr) {
            close(errc::peer_down);
            return;
        }
        world_.note("message", owner_.id() << 32 | a.message->payload, a.message->token, server_side_ ? 1 : 0);
        owner_.sink().on_message(*this, transport::message_ptr(new arrived(world_, a.message, self)));
    }
}

void link::move(const std::shared_ptr<flight>& f) {
    if (f->receiving->taker == nullptr) { f->to = segment_cursor<byte_span>(*f->receiving->target); }
    if (f->in_window && open_) {
        moving_.push_back(f);
        piece(f);
    } else if (!f->carried.empty()) {
        f->to.copy_in(f->carried.data(), f->payload);
        std::exchange(f->receiving, nullptr)->on_received(errc::ok);
    } else if (!open_ || f->source == nullptr) {
        std::exchange(f->receiving, nullptr)->on_received(f->lost != errc::ok ? f->lost : errc::peer_down);
    } else {
        f->from = segment_cursor<const_byte_span>(*f->source->payload);
        moving_.push_back(f);
        piece(f);
    }
}

/// One piece later. A transfer whose source is gone stands still until this end hears of it.
void link::piece(const std::shared_ptr<flight>& f) {
    world_.after(world_.between(1us, 60us), [this, self = shared_from_this(), f] {
        if (f->receiving == nullptr || std::ranges::find(moving_, f) == moving_.end()) { return; }
        if (f->lost == errc::cancelled) { // the sender took its buffer back
            forget(f);
            std::exchange(f->receiving, nullptr)->on_received(errc::cancelled);
            return;
        }
        if (const time_point until = held(); until > world_.now()) {
            world_.at(until, [self, f] { self->piece(f); });
            return;
        }
        f->in_window ? see_piece(f) : move_piece(f);
    });
}

void link::move_piece(const std::shared_ptr<flight>& f) {
    if (f->source == nullptr) { return; }
    const std::uint64_t wanted = cell * (1 + world_.random().below(256));
    const std::size_t size = std::min<std::size_t>(wanted, f->payload - f->moved);
    std::vector<std::byte> bytes(size);
    f->from.copy_out(bytes.data(), size);
    f->to.copy_in(bytes.data(), size);
    f->moved += size;
    if (f->moved < f->payload) { return piece(f); }
    forget(f);
    taken(world_, f);
    std::exchange(f->receiving, nullptr)->on_received(errc::ok);
}

/// Until when nothing passes between the two ends.
time_point link::held() noexcept {
    return peer_ == nullptr ? time_point{} : owner_.net().held_until(peer_->owner_, owner_);
}

void link::taken(world& w, const std::shared_ptr<flight>& f) {
    if (f->source == nullptr) { return; }
    f->source = nullptr;
    w.after(w.between(2us, 80us), [f] {
        const auto sender = f->sender.lock();
        if (!sender) { return; }
        const auto found = std::ranges::find(sender->pending_, f, &outgoing::message);
        if (found == sender->pending_.end()) { return; }
        transport::send_operation& op = *found->op;
        sender->pending_.erase(found);
        op.on_sent(errc::ok);
    });
}

void link::abandon(transport::send_operation& op) noexcept {
    const auto found = std::ranges::find(pending_, &op, &outgoing::op);
    if (found == pending_.end()) { return; }
    const auto f = found->message;
    pending_.erase(found);
    const bool was_taken = f->source == nullptr && f->lost == errc::ok;
    const bool half_a_reply = op.maker != nullptr; // its reader would wait for the rest
    f->source = nullptr;
    if (!was_taken) { f->lost = errc::cancelled; }
    op.on_sent(was_taken ? errc::ok : errc::cancelled);
    // A network that cannot take a buffer back loses the connection for it.
    if (!was_taken && (half_a_reply || world_.chance(25))) { cut(); }
}

runtime::task<status> link::upgrade() {
    if (!open_) { co_return end_; }
    if (server_side_) { co_return errc::not_supported; }
    const auto self = shared_from_this();
    duration trip = 1ms;
    if (peer_ != nullptr) { trip = owner_.net().latency(owner_, peer_->owner_); }
    co_await world_.rest(trip);
    if (!open_) { co_return end_; }
    if (peer_ != nullptr && !peer_->trusted_) { co_return errc::access_denied; }
    if (peer_ != nullptr && world_.chance(owner_.net().windows_percent)) { window_ = peer_->window_ = true; }
    co_return ok();
}

void link::close(errc reason) noexcept {
    if (!open_) { return; }
    const auto self = shared_from_this();
    open_ = false;
    end_ = reason;
    if (link* other = std::exchange(peer_, nullptr)) {
        other->peer_ = nullptr;
        other->arrive(world_.now() + owner_.net().latency(owner_, other->owner_), nullptr);
        for (const outgoing& o : other->pending_) { // what this end has not taken it never will
            o.message->source = nullptr;
            if (o.message->moved < o.message->payload) { o.message->lost = errc::peer_down; }
        }
    }
    count_rest();
    inbox_.clear();
    std::list<outgoing> failed = std::move(pending_);
    pending_.clear();
    for (const outgoing& o : failed) {
        o.message->source = nullptr;
        if (o.message->moved < o.message->payload) { o.message->lost = errc::peer_down; }
        o.op->on_sent(reason);
    }
    const auto receiving = std::move(moving_);
    moving_.clear();
    for (const auto& f : receiving) {
        if (f->lost == errc::ok) { f->lost = errc::peer_down; }
        if (f->receiving != nullptr) { std::exchange(f->receiving, nullptr)->on_received(errc::peer_down); }
    }
    world_.after(1us, [self] {
        if (self->known) { self->owner_.sink().on_closed(*self, self->end_); }
        self->owner_.gone(*self);
    });
}

/// Of what was on its way to this end, some does not arrive.
void link::lose_tail() noexcept {
    const std::size_t keep = world_.random().below(inbox_.size() + 1);
    inbox_.resize(keep);
    for (const outgoing& o : pending_) {
        o.message->source = nullptr;
        if (o.message->moved < o.message->payload) { o.message->lost = errc::peer_down; }
    }
    arrive(world_.now() + world_.between(1us, world_.chance(30) ? 1500ms : 5ms), nullptr);
}

void link::cut() noexcept {
    if (!open_ || peer_ == nullptr) { return; }
    world_.note("cut", owner_.id(), peer_->owner_.id());
    link* other = std::exchange(peer_, nullptr);
    other->peer_ = nullptr;
    lose_tail();
    other->lose_tail();
}

std::string link::describe() const {
    return (server_side_ ? "client of host " : "server seen from host ") + std::to_string(owner_.id());
}

} // namespace benchfs::sim
