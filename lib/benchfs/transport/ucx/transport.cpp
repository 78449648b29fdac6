#include "benchfs/transport/ucx/transport.hpp"

#include "benchfs/base/hash.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <algorithm>
#include <array>

namespace benchfs::transport::ucx {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t waiting_hellos_max = 64;
// Connections above max_connections exist briefly, to say no.
constexpr std::uint32_t refusals = 16;
constexpr int last_rounds = 1'000'000;

} // namespace

ucx_transport::ucx_transport(runtime::loop& l, ucx_options options, std::unique_ptr<worker> w)
    : loop_(l),
      options_(std::move(options)),
      worker_(std::move(w)),
      messages_(message_pool::create(*worker_, *this)),
      connections_(options_.max_connections + refusals, static_cast<std::uint32_t>(mix64(options_.seed))) {}

result<std::unique_ptr<ucx_transport>> ucx_transport::create(runtime::loop& l, ucx_options options) {
    BFS_TRY(std::unique_ptr<context> network, context::create());
    BFS_TRY(std::unique_ptr<worker> w, worker::create(l, std::move(network)));
    if (w->header_max() < wire_header_max) {
        BFS_LOG_ERROR("ucx",
                      "%s takes active-message headers of %zu bytes only, %zu are needed; choose other "
                      "transports with UCX_TLS",
                      w->network().resources().c_str(), w->header_max(), wire_header_max);
        return errc::not_supported;
    }
    std::unique_ptr<ucx_transport> made(new ucx_transport(l, std::move(options), std::move(w)));
    BFS_CHECK(made->register_handler());
    return made;
}

status ucx_transport::register_handler() noexcept {
    ucp_am_handler_param_t handler{};
    handler.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS |
                         UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
    handler.id = am_id;
    handler.flags = UCP_AM_FLAG_WHOLE_MSG | UCP_AM_FLAG_PERSISTENT_DATA;
    handler.cb = &ucx_transport::on_active_message;
    handler.arg = this;
    const ucs_status_t done = ucp_worker_set_am_recv_handler(worker_->handle(), &handler);
    if (done != UCS_OK) { BFS_LOG_ERROR("ucx", "no active messages: %s", ucs_status_string(done)); }
    return to_errc(done);
}

ucx_transport::~ucx_transport() {
    waiting_hellos_.clear();
    // What came after stop() was refused; let the refusals end. Everything else must be gone already.
    for (int round = 0; round < last_rounds && connections_.size() != 0; ++round) {
        connections_.for_each([](slab_handle, ucx_connection& c) {
            BFS_ASSERT(!c.announced());
            c.terminate();
        });
        worker_->drain();
    }
    BFS_ASSERT(connections_.size() == 0);
    worker_.reset(); // releases what arrived and was not looked at
    messages_->retire();
}

// --- What arrives

ucs_status_t ucx_transport::on_active_message(void* self, const void* header, std::size_t header_size,
                                              void* data, std::size_t size, const ucp_am_recv_param_t* param) {
    auto& t = *static_cast<ucx_transport*>(self);
    const const_byte_span all(static_cast<const std::byte*>(header), header == nullptr ? 0 : header_size);
    const bool apart = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0;
    // UCX aborts the process when the callback answers data that came with its message by an error.
    const ucs_status_t no = apart ? UCS_ERR_REJECTED : UCS_OK;
    wire_prefix prefix;
    if (!decode(all, size, prefix)) {
        ++t.garbage_;
        t.log_garbage("a message that is not of this protocol");
        return no;
    }
    if (static_cast<wire_kind>(prefix.kind) == wire_kind::hello && apart) {
        ++t.garbage_;
        t.log_garbage("a hello whose address does not come with it");
        return no;
    }
    const ucs_status_t taken =
        t.messages_->accept(prefix, all.subspan(sizeof(prefix)), data, size, param->recv_attr);
    if (!UCS_STATUS_IS_ERR(taken)) { return taken; }
    // A message that is lost would be waited for in vain.
    t.log_garbage("more messages than anybody could hold");
    if (ucx_connection* c = t.connections_.find(prefix.to)) { c->close(errc::no_memory); }
    return no;
}

void ucx_transport::log_garbage(const char* what) noexcept {
    const time_point now = loop_.now();
    if (now < next_log_) {
        ++suppressed_;
        return;
    }
    next_log_ = now + 1s;
    BFS_LOG_WARN("ucx", "dropped %s (and %llu like it before)", what,
                 static_cast<unsigned long long>(std::exchange(suppressed_, 0)));
}

void ucx_transport::on_arrival(ucx_message& arrived) noexcept {
    message_ptr m(&arrived);
    const wire_prefix& prefix = arrived.prefix();
    if (static_cast<wire_kind>(prefix.kind) == wire_kind::hello) { return on_hello(std::move(m)); }
    ucx_connection* c = connections_.find(prefix.to);
    if (c == nullptr) {
        BFS_LOG_TRACE("ucx", "a message of kind %u for a connection that is gone", prefix.kind);
        return;
    }
    c->on_wire(std::move(m));
}

void ucx_transport::on_hello(message_ptr m) noexcept {
    auto& arrived = static_cast<ucx_message&>(*m);
    hello_view hello;
    if (receiver_ == nullptr || !decode_hello(arrived.eager(), hello)) {
        ++garbage_;
        return log_garbage("a damaged hello");
    }
    // What this client does not know any more ends before it gets a new connection.
    const std::uint64_t hash = hash64(hello.address);
    bool wait = false;
    connections_.for_each([&](slab_handle, ucx_connection& c) {
        if (!c.is_server_side() || c.peer_hash() != hash || hello.is_live(c.remote())) { return; }
        c.abort(errc::peer_down);
        wait = true;
    });
    if (wait && waiting_hellos_.size() < waiting_hellos_max) {
        waiting_hellos_.push_back(std::move(m));
        return;
    }
    errc error = errc::ok;
    const bool refuse = stopping_ || connections_.size() >= options_.max_connections;
    ucx_connection* c = make(true, hello.address, error);
    if (c == nullptr) {
        BFS_LOG_WARN("ucx", "cannot answer a hello: %.*s", static_cast<int>(benchfs::message(error).size()),
                     benchfs::message(error).data());
        return;
    }
    if (refuse) {
        c->refuse_hello(arrived.prefix().extra, stopping_ ? errc::shutting_down : errc::busy);
        return;
    }
    c->accept_hello(arrived.prefix().extra);
    c->announce();
    receiver_->on_accept(*c);
}

// --- Connections

ucx_connection* ucx_transport::make(bool server_side, const_byte_span worker_address, errc& error) noexcept {
    const slab_handle h = connections_.insert(*this, server_side);
    if (h == 0) {
        error = errc::busy;
        return nullptr;
    }
    ucx_connection& c = *connections_.find(h);
    const status opened = c.open(h, worker_address);
    if (!opened) {
        error = opened.error();
        connections_.erase(h);
        return nullptr;
    }
    return &c;
}

std::vector<std::byte> ucx_transport::make_hello(std::uint64_t server_hash) {
    std::array<std::uint64_t, live_max> live{};
    std::size_t count = 0;
    connections_.for_each([&](slab_handle h, ucx_connection& c) {
        if (c.is_server_side() || c.peer_hash() != server_hash || c.is_ending()) { return; }
        if (count < live.size()) { live[count] = h; }
        ++count;
    });
    const bool names_live = count <= live.size();
    const std::vector<std::byte> mine = address();
    return encode_hello(std::span(live).first(names_live ? count : 0), names_live, mine);
}

runtime::task<result<connection*>> ucx_transport::connect(std::vector<std::byte> address) {
    BFS_ASSERT(receiver_ != nullptr);
    if (stopping_) { co_return errc::shutting_down; }
    const const_byte_span server = unwrap_address(address);
    if (server.empty()) { co_return errc::invalid_argument; }
    if (connections_.size() >= options_.max_connections) { co_return errc::busy; }
    const runtime::call_context& context = co_await runtime::current_context();
    const time_point deadline = std::min(context.deadline, loop_.now() + options_.handshake_limit);
    errc error = errc::ok;
    ucx_connection* c = make(false, server, error);
    if (c == nullptr) { co_return error; }
    const slab_handle h = c->handle();
    ucx_connection::answer a;
    std::vector<std::byte> hello = make_hello(c->peer_hash());
    c->say_hello(a, deadline, std::move(hello));
    const status waited = co_await a.settled.wait();
    if (a.gone) { co_return a.outcome; }
    // Answered, out of time, or told to stop; since then it may have ended all the same.
    c = connections_.find(h);
    if (c == nullptr) { co_return errc::peer_down; }
    c->stop_waiting();
    const errc outcome = waited ? a.outcome : waited.error();
    if (outcome != errc::ok) {
        c->abort(outcome);
        co_return outcome;
    }
    if (!c->is_open()) { co_return errc::peer_down; }
    c->announce();
    connection* made = c;
    co_return made;
}

void ucx_transport::forget(ucx_connection& c) noexcept {
    connections_.erase(c.handle());
    std::vector<message_ptr> hellos = std::exchange(waiting_hellos_, {});
    for (message_ptr& m : hellos) { on_hello(std::move(m)); }
    if (stopping_ && connections_.size() == 0 && stopper_) { loop_.ready().push(std::exchange(stopper_, {})); }
}

/// Waits whatever the caller's deadline is: while UCX may touch a buffer, nobody may go away.
class ucx_transport::all_gone {
public:
    explicit all_gone(ucx_transport& self) noexcept : self_(self) {}
    [[nodiscard]] bool await_ready() const noexcept { return self_.connections_.size() == 0; }
    void await_suspend(std::coroutine_handle<> caller) const noexcept {
        BFS_ASSERT(!self_.stopper_);
        self_.stopper_ = caller;
    }
    void await_resume() const noexcept {}

private:
    ucx_transport& self_;
};

runtime::task<void> ucx_transport::stop() {
    stopping_ = true;
    connections_.for_each([](slab_handle, ucx_connection& c) { c.close(errc::shutting_down); });
    all_gone gone{*this};
    co_await gone;
}

void ucx_transport::log_path_failure(const char* what, const ucx_connection& c, errc why) noexcept {
    if (std::exchange(path_failure_logged_, true)) { return; }
    const std::string_view reason = benchfs::message(why);
    BFS_LOG_WARN("ucx", "%s a faster path to %s (%.*s); the network carries everything (said once)", what,
                 c.describe().c_str(), static_cast<int>(reason.size()), reason.data());
}

} // namespace benchfs::transport::ucx
