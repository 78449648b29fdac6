#include "benchfs/rpc/server.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/with_timeout.hpp"

#include <algorithm>
#include <new>

namespace benchfs::rpc {
server::server(runtime::loop& loop, transport::transport& network, const cluster_identity& identity,
               const server_settings& settings)
    : loop_(loop),
      transport_(network),
      identity_(identity),
      settings_(settings),
      trace_(loop),
      sessions_(settings.max_sessions),
      context_{&loop, time_point::max(), nullptr} {
    handlers_[ping::info.id] = {&ping::info, nullptr,
                                [](void*, server_call& call) {
                                    const auto asked = call.request<ping>();
                                    call.reply<ping>({asked.value});
                                    return ok();
                                },
                                nullptr, sizeof(ping::request)};
    transport_.set_receiver(*this);
}

server::~server() { BFS_ASSERT(running_ == 0 && peers_.empty()); }

namespace {

[[nodiscard]] consteval std::array<std::uint16_t, method_limit> request_sizes() {
    std::array<std::uint16_t, method_limit> sizes{};
    const auto fill = [&]<class... M>(method_list<M...>) {
        ((sizes[M::info.id] = static_cast<std::uint16_t>(sizeof(typename M::request))), ...);
    };
    fill(all_methods{});
    return sizes;
}
constexpr auto request_size = request_sizes();

} // namespace

void server::handle(const method_info& method, void* context, function f) noexcept {
    handlers_[method.id] = {&method, context, f, nullptr, request_size[method.id]};
}

void server::handle(const method_info& method, void* context, coroutine c) noexcept {
    handlers_[method.id] = {&method, context, nullptr, c, request_size[method.id]};
}

void server::handle(const method_info& method, void* context, function f, coroutine c) noexcept {
    handlers_[method.id] = {&method, context, f, c, request_size[method.id]};
}

void server::on_accept(transport::connection& c) noexcept {
    if (stopping_) {
        c.close(errc::shutting_down);
        return;
    }
    peers_.push_back(std::make_unique<peer_state>());
    peers_.back()->connection = &c;
    c.user = peers_.back().get();
    let_wait(*peers_.back());
    BFS_LOG_DEBUG("rpc", "connection from %s", c.describe().c_str());
}

void server::on_closed(transport::connection& c, errc reason) noexcept {
    auto* p = static_cast<peer_state*>(c.user);
    if (p == nullptr) { return; }
    BFS_LOG_DEBUG("rpc", "connection from %s closed: %s", c.describe().c_str(), name(reason).data());
    while (!p->calls.empty()) { p->calls.pop_front().connection_ = nullptr; }
    if (p->owner != nullptr && p->owner->connection == &c) {
        p->owner->connection = nullptr;
        p->owner->lost_at = loop_.now();
    }
    c.user = nullptr;
    no_stranger(*p);
    std::erase_if(peers_, [&](const auto& item) { return item.get() == p; });
    expire_sessions();
}

void server::expire_sessions() noexcept {
    const time_point next = sessions_.expire(loop_.now());
    if (next != time_point::max() && !stopping_) { loop_.arm(expiry_, next); }
}

void server::refuse(transport::connection& c, errc reason, const char* what) noexcept {
    warn_of_stranger(c, what);
    c.close(reason);
}

void server::on_message(transport::connection& c, transport::message_ptr m) noexcept {
    auto* p = static_cast<peer_state*>(c.user);
    if (p == nullptr) { return; }
    const result<decoded> d = decode(m->header());
    if (!d || (d->head.flags & flag_reply) != 0) {
        return refuse(c, errc::bad_frame, d.has_value() ? "a reply, from a client" : message(d.error()).data());
    }
    static const handler greeting{&hello::info, nullptr, nullptr, nullptr, sizeof(hello::request)};
    static const handler joining{&join::info, nullptr, nullptr, nullptr, sizeof(join::request)};
    static const handler farewell{&goodbye::info, nullptr, nullptr, nullptr, sizeof(goodbye::request)};
    const std::uint16_t id = d->head.method;
    if (id == hello::info.id) { return dispatch(*p, greeting, std::move(m), *d); }
    if (id == join::info.id) { return dispatch(*p, joining, std::move(m), *d); }
    if (p->owner == nullptr) { return refuse(c, errc::not_permitted, "a request before it has joined"); }
    if (id == goodbye::info.id) { return dispatch(*p, farewell, std::move(m), *d); }
    static const handler unknown{};
    dispatch(*p, id < method_limit ? handlers_[id] : unknown, std::move(m), *d);
}

server_call& server::new_call() {
    if (free_calls_.empty()) {
        calls_.push_back(std::make_unique<server_call>(*this));
        free_calls_.reserve(calls_.size()); // giving back must not allocate
        return *calls_.back();
    }
    server_call& call = *free_calls_.back();
    free_calls_.pop_back();
    return call;
}

void server::dispatch(peer_state& p, const handler& h, transport::message_ptr m, const decoded& d) noexcept {
    server_call& call = new_call();
    ++running_;
    call.method_ = h.method;
    call.loop_ = &loop_;
    call.connection_ = p.connection;
    call.token_ = m->token();
    call.body_ = d.body;
    call.call_id_ = d.head.call_id;
    call.session_ = d.session;
    call.asker_ = p.number;
    call.kept_ = nullptr;
    call.silent_ = {};
    call.started_ = time_point{};
    call.handler_ended_ = call.answered_ = call.sending_ = call.io_done_ = false;
    call.reply_.maker = nullptr;
    call.message_ = std::move(m);
    p.calls.push_back(call);
    ++p.running;

    if (h.method == nullptr) { return answer_bare(call, errc::not_supported); }
    if (h.method == &hello::info || h.method == &join::info) { return meet(p, call); }
    const std::size_t most = std::size_t{h.body_min} + h.method->request_tail_max;
    const bool wants_payload = h.method->payload == bulk::to_server;
    if (d.body.size() < h.body_min || d.body.size() > most || (call.payload_size() != 0 && !wants_payload)) {
        return answer_bare(call, errc::bad_frame);
    }
    method_stats& counts = stats_[h.method->id];
    if ((counts.calls++ & trace_.skip_mask()) == 0) [[unlikely]] { begin_measuring(call, counts); }
    counts.bytes += call.payload_size();
    BFS_LOG_DEBUG("rpc", "request %.*s, %zu bytes of payload, from %s", static_cast<int>(h.method->name.size()),
                  h.method->name.data(), call.payload_size(), p.connection->describe().c_str());

    if (h.method == &goodbye::info) { return ended(call, leave(p, call)); }
    const std::uint32_t most_running =
        running_ > settings_.max_calls ? settings_.calls_when_crowded : settings_.max_calls_each;
    if (p.running > most_running || stopping_) {
        return answer_bare(call, stopping_ ? errc::shutting_down : errc::try_again);
    }
    // What only looks needs not wait for an earlier process of a server, and those calls may wait for it.
    if (p.process != nullptr && h.method->repeat != idempotency::pure) {
        if (p.process->waits(p.owner->id)) { return answer_bare(call, errc::try_again); }
        call.process_ = p.process;
        call.process_session_ = p.owner->id;
        p.process->began(call.process_session_);
    }
    if (h.method->repeat == idempotency::at_most_once && answer_repeat(p, call)) { return; }
    if (log_ != nullptr && h.method->repeat != idempotency::pure) {
        if (const status may = log_->admit(*h.method); !may) {
            // Nothing ran: a repeat of this number is a first time.
            if (call.kept_ != nullptr) {
                call.kept_->running = nullptr;
                call.kept_->sequence = 0;
                call.kept_ = nullptr;
            }
            return answer_bare(call, may.error());
        }
    }
    if (h.at_once != nullptr) {
        const status outcome = h.at_once(h.context, call);
        const bool goes_on = outcome.error() == errc::try_again && h.later != nullptr;
        if (!goes_on) [[likely]] { return ended(call, outcome); }
    }
    runtime::task<status>::start(h.later(h.context, call), context_, call);
}

/// True if this mutation was seen before (then it has been answered, joined or refused).
bool server::answer_repeat(peer_state& p, server_call& call) noexcept {
    const session_block& s = call.session_;
    if (s.sequence == 0 || s.session != p.owner->id) {
        answer_bare(call, errc::bad_frame);
        return true;
    }
    session::entry& e = p.owner->at(s.sequence);
    if (settings_.planted.lose_reply != nullptr) [[unlikely]] {
        if (e.sequence == s.sequence && e.running == nullptr && settings_.planted.lose_reply()) { e = {}; }
    }
    if (e.sequence != s.sequence) {
        // The client keeps 64 numbers in flight at most. An older one that still runs here is one that the
        // client gave up: the place comes free when its handler ends.
        if (e.running != nullptr || e.sequence > s.sequence) {
            answer_bare(call, e.sequence > s.sequence ? errc::outcome_unknown : errc::try_again);
            return true;
        }
        e.sequence = s.sequence;
        e.method = call.method_->id;
        e.running = &call;
        e.size = 0;
        call.kept_ = &e;
        return false;
    }
    if (e.method != call.method_->id) {
        answer_bare(call, errc::bad_frame);
    } else if (e.running != nullptr) {
        // Its first copy still runs, for a connection that is gone: the answer goes here instead.
        server_call& first = *e.running;
        first.unlink();
        first.connection_ = call.connection_;
        first.token_ = call.token_;
        first.call_id_ = call.call_id_;
        p.calls.push_back(first);
        call.connection_ = nullptr;
        answer_bare(call, errc::cancelled);
    } else {
        frame head;
        std::memcpy(&head, e.reply.data(), sizeof(head));
        const const_byte_span kept{e.reply.data(), e.size};
        call.send_reply(from_wire(static_cast<std::int32_t>(head.detail)), kept.subspan(sizeof(frame)),
                        nullptr);
        ended(call, ok());
    }
    return true;
}

void server::keep_reply(std::uint64_t session_id, std::uint64_t sequence, const method_info& method,
                        const_byte_span body, errc outcome) noexcept {
    session* s = sessions_.find(session_id);
    if (s == nullptr || sequence == 0) { return; }
    session::entry& e = s->at(sequence);
    if (e.sequence > sequence || (e.running != nullptr && e.sequence != sequence)) { return; }
    frame head;
    head.flags = flag_reply;
    head.method = method.id;
    head.detail = static_cast<std::uint32_t>(outcome);
    header_buffer header;
    header.begin(head, nullptr);
    const bool fits = header.append(body);
    header.finish();
    BFS_ASSERT(fits && header.bytes().size() <= session::reply_max);
    const const_byte_span bytes = header.bytes();
    e.sequence = sequence;
    e.method = method.id;
    e.size = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(e.reply.data(), bytes.data(), bytes.size());
    if (log_ != nullptr) { log_->replied(session_id, sequence, method, bytes); }
}

void server::answer_bare(server_call& call, errc outcome) noexcept { ended(call, outcome); }

/// A handler's coroutine has ended. What it threw is a fault of ours: the client hears of it, the server goes
/// on.
void server_call::on_done(std::coroutine_handle<> frame, runtime::detail::promise_base& base) noexcept {
    auto& p = static_cast<runtime::detail::promise<status>&>(base);
    const status outcome = p.exception ? status(errc::io_error) : *p.value;
    frame.destroy();
    owner_.ended(*this, outcome);
}

void server::ended(server_call& call, status outcome) noexcept {
    if (!call.answered_) {
        BFS_ASSERT(!outcome); // a handler either answers or fails
        const bool names_one = call.silent_.server != silence::nobody;
        call.send_reply(outcome.error(), names_one ? bytes_of(call.silent_) : const_byte_span{}, nullptr);
    }
    if (call.method_ != nullptr) {
        method_stats& counts = stats_[call.method_->id];
        if (call.answer_ != errc::ok) { ++counts.errors; }
        if (call.started_ != time_point{}) [[unlikely]] { end_measuring(call, counts); }
        BFS_LOG_TRACE("rpc", "answered %.*s: %s", static_cast<int>(call.method_->name.size()),
                      call.method_->name.data(), name(call.answer_).data());
    }
    call.message_.reset();
    if (server_peer* const process = std::exchange(call.process_, nullptr)) {
        process->ended(call.process_session_);
    }
    call.handler_ended_ = true;
    maybe_recycle(call);
}

// Out of line: one call in many is measured, and only that one reads the clock.
[[gnu::noinline]] void server::begin_measuring(server_call& call, method_stats& counts) noexcept {
    if (!counts.latency) { counts.latency.reset(new (std::nothrow) method_latency); }
    if (!counts.latency) { return; }
    call.arrived_ = loop_.now();
    call.started_ = std::max(loop_.read_clock(), call.arrived_);
    call.on_the_way_ = {};
    call.waiting_since_ = {};
}

[[gnu::noinline]] void server::end_measuring(const server_call& call, method_stats& counts) noexcept {
    const auto in_ns = [](duration d) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(d.count(), 0));
    };
    const duration whole = loop_.read_clock() - call.arrived_;
    const duration queue = call.started_ - call.arrived_;
    method_latency& latency = *counts.latency;
    latency.whole.record(in_ns(whole));
    latency.queue.record(in_ns(queue));
    latency.network.record(in_ns(call.on_the_way_));
    latency.storage.record(in_ns(whole - queue - call.on_the_way_));
    if (!trace_.on()) { return; }
    wire_span span;
    span.start_ns = in_ns(call.arrived_.time_since_epoch());
    span.whole_ns = in_ns(whole);
    span.queue_ns = in_ns(queue);
    span.network_ns = in_ns(call.on_the_way_);
    span.session = asker(call);
    span.bytes = call.payload_size();
    span.outcome = static_cast<std::int32_t>(call.answer_);
    span.method = call.method_->id;
    trace_.record(span);
}

std::uint64_t server::asker(const server_call& call) noexcept {
    if (call.connection_ == nullptr || call.connection_->user == nullptr) { return 0; }
    const session* const owner = static_cast<const peer_state*>(call.connection_->user)->owner;
    return owner == nullptr ? 0 : owner->id;
}

void server::maybe_recycle(server_call& call) noexcept {
    if (!call.handler_ended_ || call.sending_) { return; }
    call.handler_ended_ = false;
    if (call.connection_ != nullptr && call.connection_->user != nullptr) {
        --static_cast<peer_state*>(call.connection_->user)->running;
    }
    call.unlink();
    free_calls_.push_back(&call);
    if (--running_ == 0 && stopping_) { idle_.set(); }
}

runtime::task<void> server::stop() {
    stopping_ = true;
    expiry_.cancel();
    // Transfers that wait for a client end with its connection.
    for (auto& p : peers_) { p->connection->close(errc::shutting_down); }
    co_await transport_.stop();
    // A started handler always finishes, also after everything was asked to stop.
    runtime::task<status> waiting = until_idle();
    (void)co_await runtime::without_stop(std::move(waiting));
}

runtime::task<status> server::until_idle() {
    while (running_ != 0) {
        idle_.reset();
        BFS_CO_CHECK(co_await idle_.wait());
    }
    co_return ok();
}

std::size_t server::memory() const noexcept {
    std::size_t bytes = calls_.size() * sizeof(server_call) + sessions_.size() * sizeof(session);
    for (const auto& p : peers_) { bytes += sizeof(peer_state) + p->connection->memory(); }
    return bytes;
}

} // namespace benchfs::rpc
