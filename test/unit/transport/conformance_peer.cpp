#include "conformance.hpp"

#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

namespace benchfs::transport::conformance {

void peer::adopt(connection& c) {
    if (serials_.contains(&c)) { return; }
    open.push_back(&c);
    serials_[&c] = ++next_serial_;
}

bool peer::has(const connection* c, std::uint64_t serial) const {
    const auto found = serials_.find(c);
    return found != serials_.end() && found->second == serial;
}

std::uint64_t peer::serial_of(const connection& c) const { return serials_.at(&c); }

void peer::on_accept(connection& c) noexcept {
    if (!c.is_server_side()) { blame("on_accept for a client's connection"); }
    ++accepted;
    adopt(c);
    if (accepting) { accepting(c); }
    changed_.set();
}

void peer::keep(connection& c, message_ptr m) {
    inbox.push_back({&c, std::move(m)});
    changed_.set();
}

void peer::on_message(connection& c, message_ptr m) noexcept {
    adopt(c); // a reply may come before connect()'s caller runs
    if (c.is_server_side()) {
        if (requests) {
            requests(c, std::move(m));
        } else if (scope_ != nullptr) {
            scope_->spawn(answer(&c, std::move(m)));
        }
        return;
    }
    frame f;
    if (!read_header(m->header(), f)) {
        blame("a reply with a damaged header");
        return;
    }
    const auto found = calls_.find(f.id);
    if (found == calls_.end()) { return; } // its caller gave up
    if (found->second->reply) { blame("two replies to one request"); }
    found->second->reply = std::move(m);
    found->second->done.set();
}

void peer::on_closed(connection& c, errc reason) noexcept {
    adopt(c);
    const std::uint64_t serial = serials_.at(&c);
    if (sending_.contains(serial)) { blame("on_closed came before on_sent of an operation"); }
    for (auto& [id, call] : calls_) {
        if (call->serial != serial || call->done.is_set()) { continue; }
        call->failure = reason == errc::ok ? errc::io_error : reason;
        call->done.set();
    }
    if (closing) { closing(c); }
    std::erase(open, &c);
    serials_.erase(&c);
    ++closed;
    last_reason = reason;
    changed_.set();
}

runtime::task<status> peer::until(std::function<bool()> condition) {
    while (!condition()) {
        changed_.reset();
        BFS_CO_CHECK(co_await changed_.wait());
    }
    co_return ok();
}

runtime::task<result<arrival>> peer::next() {
    while (inbox.empty()) {
        changed_.reset();
        BFS_CO_CHECK(co_await changed_.wait());
    }
    arrival a = std::move(inbox.front());
    inbox.pop_front();
    co_return a;
}

runtime::task<status> peer::call(connection* c, call_spec spec) {
    if (!serials_.contains(c)) { co_return errc::peer_down; } // it closed between two calls
    frame f;
    f.id = ++next_id_;
    f.request_bytes = static_cast<std::uint32_t>(spec.request);
    f.reply_bytes = static_cast<std::uint32_t>(spec.reply);
    f.reply_header = static_cast<std::uint32_t>(spec.reply_header);
    pending_call waiting;
    waiting.serial = serial_of(*c);
    calls_[f.id] = &waiting;
    outgoing request(*this, *c, f, spec.header, spec.request);
    request.reply_header_max = f.reply_header;
    request.reply_payload_max = f.reply_bytes;
    if (random.below(2) == 0) { request.complete_late(); }
    c->send(request);
    const status sent = co_await request.finish();
    status outcome = sent;
    if (sent) {
        const status waited = co_await waiting.done.wait();
        outcome = waited ? status(waiting.failure) : waited;
    }
    calls_.erase(f.id);
    if (!waiting.reply) { co_return outcome ? status(errc::io_error) : outcome; }
    const std::size_t size = waiting.reply->payload_size();
    if (size != spec.reply || waiting.reply->header().size() != spec.reply_header) {
        blame("a reply of the wrong size");
        co_return errc::bad_frame;
    }
    incoming in(size, random);
    waiting.reply->receive(in);
    BFS_CO_CHECK(co_await in.finish());
    waiting.reply.reset();
    if (!in.holds(f.id)) { blame("a reply with the wrong bytes"); }
    co_return ok();
}

runtime::task<status> peer::answer(connection* c, message_ptr m) {
    if (!serials_.contains(c)) { co_return errc::peer_down; } // it closed before this began
    const std::uint64_t serial = serial_of(*c);
    frame f;
    if (!read_header(m->header(), f) || m->payload_size() != f.request_bytes) {
        blame("a request with a damaged header");
        co_return errc::bad_frame;
    }
    const request_token token = m->token();
    const bool makes = m->makes_reply() && random.below(2) == 0;
    incoming in(m->payload_size(), random);
    if (m->lies_here() && random.below(2) == 0) { in.take_pieces(); }
    m->receive(in);
    const status received = co_await in.finish();
    if (!received) { co_return received; }
    if (!in.holds(f.id)) { blame("a request with the wrong bytes"); }
    m.reset();
    if (!has(c, serial)) { co_return errc::peer_down; }
    outgoing reply(*this, *c, f, f.reply_header, f.reply_bytes);
    reply.answers = token;
    if (makes) { reply.make_pieces(3); }
    ++answered;
    c->send(reply);
    while (makes && !reply.done()) {
        if (reply.stalled() && has(c, serial)) { reply.go_on(*c); }
        BFS_CO_CHECK(co_await runtime::yield());
    }
    co_return co_await reply.finish();
}

} // namespace benchfs::transport::conformance
