#include "benchfs/transport/loopback/connection.hpp"

#include "benchfs/transport/loopback/transport.hpp"

#include <utility>

namespace benchfs::transport {
namespace {

// A request's token carries the room for its reply, so that a reply can be checked without a table.
constexpr unsigned payload_bits = 25;
constexpr unsigned header_bits = 11;
static_assert(max_payload < std::size_t{1} << payload_bits && max_header < std::size_t{1} << header_bits);

// Messages that one connection delivers before others have their turn.
constexpr std::uint32_t burst = 64;

// send_operation::transport_word[0]: the message that waits for this operation's payload.
loopback_message* message_of(send_operation& op) noexcept {
    return reinterpret_cast<loopback_message*>(op.transport_word[0]);
}
void set_message(send_operation& op, loopback_message* m) noexcept {
    op.transport_word[0] = reinterpret_cast<std::uint64_t>(m);
}
// send_operation::transport_word[1]: the payload was taken, only on_sent is missing.
bool taken(const send_operation& op) noexcept { return op.transport_word[1] != 0; }
void set_taken(send_operation& op, bool yes) noexcept { op.transport_word[1] = yes ? 1 : 0; }

} // namespace

loopback_connection::loopback_connection(loopback_transport& owner, bool server_side) noexcept : owner_(owner) {
    server_side_ = server_side;
    announced_ = !server_side;
}

loopback_connection::~loopback_connection() {
    unlink();
    BFS_ASSERT(peer_ == nullptr && inbox_.empty() && pending_.empty() && consumed_.empty());
}

void loopback_connection::pair_with(loopback_connection& peer) noexcept {
    peer_ = &peer;
    peer.peer_ = this;
    peer.owner_.activate(peer); // the server's side: on_accept is due
}

errc loopback_connection::refusal(const send_operation& op) const noexcept {
    if (end_reason_ != errc::ok) { return end_reason_; }
    if (op.header.size() > max_header || op.payload_bytes() > max_payload) { return errc::message_too_long; }
    if (!server_side_) {
        const bool fits = op.reply_header_max <= max_header && op.reply_payload_max <= max_payload;
        return op.answers == 0 && fits ? errc::ok : errc::invalid_argument;
    }
    const auto header_room = (op.answers >> payload_bits) & ((1U << header_bits) - 1);
    const auto payload_room = op.answers & ((1U << payload_bits) - 1);
    if (op.answers == 0) { return errc::invalid_argument; }
    const bool fits = op.header.size() <= header_room && op.payload_bytes() <= payload_room;
    return fits ? errc::ok : errc::message_too_long;
}

request_token loopback_connection::make_token(const send_operation& op) noexcept {
    if (server_side_) { return op.answers; }
    if (op.reply_header_max == 0) { return 0; }
    return ++requests_ << (payload_bits + header_bits) |
           static_cast<std::uint64_t>(op.reply_header_max) << payload_bits | op.reply_payload_max;
}

void loopback_connection::send(send_operation& op) noexcept {
    const errc refused = refusal(op);
    if (refused != errc::ok) {
        op.on_sent(refused);
        return;
    }
    op.complete_payload(op.payload_bytes());
    const bool done = op.payload_bytes() == 0; // the header is copied at once
    post(op);
    if (done) { op.on_sent(errc::ok); }
}

void loopback_connection::post(send_operation& op) noexcept {
    loopback_network& network = owner_.network();
    loopback_message& m = network.acquire();
    const duration delay = network.delay();
    const time_point due = delay == duration{} ? time_point::min() : peer_->owner_.owner().now() + delay;
    m.load(op, *this, make_token(op), due);
    m.in_flight = true;
    peer_->inbox_.push_back(m);
    ++peer_->inbox_size_;
    peer_->owner_.activate(*peer_);
    if (m.wanted()) {
        set_message(op, &m);
        set_taken(op, false);
        pending_.push_back(op);
    }
}

void loopback_connection::consumed(send_operation& op) noexcept {
    op.unlink();
    set_message(op, nullptr);
    set_taken(op, true);
    consumed_.push_back(op);
    owner_.activate(*this);
}

void loopback_connection::abandon(send_operation& op) noexcept {
    if (!op.linked()) { return; }
    loopback_message* m = message_of(op);
    set_message(op, nullptr);
    op.unlink();
    if (m == nullptr) { // taken, or out of reach because the connection has ended
        op.on_sent(taken(op) ? errc::ok : end_reason_);
        return;
    }
    m->orphan(errc::cancelled);
    if (m->in_flight) { peer_->take_back(*m); }
    op.on_sent(errc::cancelled);
}

runtime::task<status> loopback_connection::upgrade() {
    if (end_reason_ != errc::ok) { co_return end_reason_; }
    if (server_side_) { co_return errc::not_supported; }
    co_return peer_->trusted_ ? errc::ok : errc::access_denied;
}

void loopback_connection::close(errc reason) noexcept {
    if (closed_) { return; }
    closed_ = true;
    if (end_reason_ == errc::ok) {
        end_reason_ = reason;
        disown(reason);
        loopback_connection& other = *std::exchange(peer_, nullptr);
        other.peer_ = nullptr;
        other.end_reason_ = errc::peer_down;
        other.owner_.activate(other);
    }
    drop_inbox();
    fail_pending(reason);
    owner_.activate(*this);
}

/// Parts the two ends: payloads that were not taken are out of reach from now on, whichever side they are on.
void loopback_connection::disown(errc reason) noexcept {
    const auto part = [](loopback_connection& from, loopback_connection& to, errc why) {
        from.pending_.for_each([&](send_operation& op) {
            loopback_message* m = message_of(op);
            set_message(op, nullptr);
            m->orphan(why);
            if (m->in_flight) { to.take_back(*m); }
        });
    };
    part(*this, *peer_, errc::peer_down);
    part(*peer_, *this, reason);
}

message_ptr loopback_connection::take_out(loopback_message& m) noexcept {
    m.unlink();
    m.in_flight = false;
    --inbox_size_;
    return message_ptr{&m};
}

void loopback_connection::drop_inbox() noexcept {
    while (!inbox_.empty()) { take_back(inbox_.front()); }
}

void loopback_connection::fail_pending(errc reason) noexcept {
    while (!consumed_.empty()) { consumed_.pop_front().on_sent(errc::ok); }
    while (!pending_.empty()) { pending_.pop_front().on_sent(reason); }
}

void loopback_connection::cut() noexcept {
    loopback_connection* other = peer_;
    close(errc::peer_down);
    if (other != nullptr) { other->drop_inbox(); } // headers that are under way are lost as well
}

bool loopback_connection::flushed() const noexcept {
    return pending_.empty() && consumed_.empty() && (peer_ == nullptr || peer_->inbox_.empty());
}

time_point loopback_connection::next_work() const noexcept {
    if (!consumed_.empty() || !announced_ || closed_) { return time_point::min(); }
    if (!inbox_.empty()) { return const_cast<loopback_connection*>(this)->inbox_.front().due(); }
    return end_reason_ != errc::ok ? time_point::min() : time_point::max();
}

void loopback_connection::announce() noexcept {
    announced_ = true;
    handed_out = true;
    owner_.sink().on_accept(*this);
    if (peer_ != nullptr) { peer_->settled.set(); }
}

void loopback_connection::deliver(time_point now) noexcept {
    for (std::uint32_t i = 0; i < burst && !inbox_.empty() && !closed_; ++i) {
        loopback_message& m = inbox_.front();
        if (m.due() > now) { return; }
        owner_.sink().on_message(*this, take_out(m));
    }
}

bool loopback_connection::step(time_point now) noexcept {
    if (!announced_) {
        if (end_reason_ != errc::ok) { // the client gave up before anybody heard of it
            drop_inbox();
            return false;
        }
        announce();
    }
    while (!consumed_.empty()) { consumed_.pop_front().on_sent(errc::ok); }
    if (!handed_out) { // connect() has not returned yet, and it takes care of the end
        if (end_reason_ != errc::ok) { settled.set(); }
        return true;
    }
    deliver(now);
    if (end_reason_ == errc::ok || (!closed_ && !inbox_.empty())) { return true; }
    closed_ = true; // what the callbacks below send is refused
    fail_pending(end_reason_);
    owner_.sink().on_closed(*this, end_reason_);
    return false;
}

std::string loopback_connection::describe() const {
    return std::string(server_side_ ? "loopback client of transport "
                                    : "loopback server seen from transport ") +
           std::to_string(owner_.id());
}

std::size_t loopback_connection::memory() const noexcept {
    return sizeof(*this) + inbox_size_ * sizeof(loopback_message);
}

} // namespace benchfs::transport
