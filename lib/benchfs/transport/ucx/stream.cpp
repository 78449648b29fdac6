#include "benchfs/transport/ucx/stream.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace benchfs::transport::ucx {
namespace {

using namespace std::chrono_literals;

constexpr duration connect_limit = 10s;
constexpr duration close_limit = 1s;

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

bool parse(const std::string& host, std::uint16_t port, socket_address& to) noexcept {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        to.size = sizeof(sockaddr_in);
        return true;
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        to.size = sizeof(sockaddr_in6);
        return true;
    }
    return false;
}

} // namespace

/// One send or receive at UCX; lives in the coroutine's frame until UCX is done with the buffer.
class stream::operation final : public deferred, private runtime::stop_callback {
public:
    explicit operation(stream& owner) noexcept : owner_(owner) {}

    void send(const_byte_span bytes) noexcept {
        ucp_request_param_t params = common();
        params.cb.send = [](void*, ucs_status_t status, void* self) {
            static_cast<operation*>(self)->complete(status);
        };
        take(ucp_stream_send_nbx(owner_.endpoint_.handle(), bytes.data(), bytes.size(), &params));
    }

    void receive(byte_span to) noexcept {
        ucp_request_param_t params = common();
        params.op_attr_mask |= UCP_OP_ATTR_FIELD_FLAGS;
        params.flags = UCP_STREAM_RECV_FLAG_WAITALL;
        params.cb.recv_stream = [](void*, ucs_status_t status, std::size_t, void* self) {
            static_cast<operation*>(self)->complete(status);
        };
        std::size_t length = 0;
        take(ucp_stream_recv_nbx(owner_.endpoint_.handle(), to.data(), to.size(), &length, &params));
    }

    [[nodiscard]] bool await_ready() const noexcept { return request_ == nullptr; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        caller_ = caller;
        const runtime::call_context& context = *caller.promise().context;
        if (context.stop_requested()) {
            on_stop(context.stop->reason());
        } else if (context.stop != nullptr) {
            context.stop->subscribe(*this);
        }
    }
    [[nodiscard]] errc await_resume() const noexcept {
        if (outcome_ == UCS_OK) { return errc::ok; }
        if (stopped_ != errc::ok) { return stopped_; }
        const errc why = to_errc(outcome_);
        return why == errc::cancelled ? errc::peer_down : why;
    }

private:
    [[nodiscard]] ucp_request_param_t common() noexcept {
        ucp_request_param_t params{};
        params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
        params.user_data = this;
        return params;
    }
    void take(void* request) noexcept {
        owner_.worker_.touch();
        if (UCS_PTR_IS_PTR(request)) {
            request_ = request;
            ++owner_.worker_.held.requests;
        } else {
            outcome_ = UCS_PTR_STATUS(request);
        }
    }
    void complete(ucs_status_t status) noexcept {
        outcome_ = status;
        owner_.worker_.defer(*this);
    }
    void run() noexcept override {
        ucp_request_free(request_);
        --owner_.worker_.held.requests;
        stop_callback::unlink();
        owner_.worker_.owner().ready().push(caller_);
    }
    void on_stop(errc reason) noexcept override {
        stopped_ = reason;
        owner_.end_soon();
    }

    stream& owner_;
    void* request_ = nullptr;
    ucs_status_t outcome_ = UCS_OK;
    errc stopped_ = errc::ok;
    std::coroutine_handle<> caller_;
};

stream::~stream() { BFS_ASSERT(endpoint_.handle() == nullptr && !sending_ && !receiving_); }

result<std::unique_ptr<stream>> stream::accept(worker& w, ucp_conn_request_h request) {
    std::unique_ptr<stream> made(new stream(w));
    BFS_CHECK(made->endpoint_.open(request));
    return made;
}

runtime::task<result<std::unique_ptr<stream>>> stream::connect(worker& w, std::string host,
                                                               std::uint16_t port) {
    socket_address to;
    if (!parse(host, port, to)) { co_return errc::invalid_argument; }
    const runtime::call_context& context = co_await runtime::current_context();
    const time_point now = w.owner().now();
    const duration limit = std::min<duration>(connect_limit, std::max<duration>(context.deadline - now, 0ns));
    std::unique_ptr<stream> made(new stream(w));
    BFS_CO_CHECK(made->endpoint_.open(reinterpret_cast<const sockaddr*>(&to.storage), to.size));
    const status done = co_await made->establish(limit);
    if (!done) {
        co_await made->close();
        co_return done.error();
    }
    co_return std::move(made);
}

runtime::task<status> stream::establish(duration limit) {
    flush(limit); // ends when the connection is made, or cannot be
    const status waited = co_await flushed_.wait();
    if (!waited) { co_return waited; }
    if (endpoint_.failed()) { co_return errc::peer_down; }
    co_return flush_outcome_;
}

runtime::task<status> stream::send(const_byte_span bytes) {
    if (sending_) { co_return errc::busy; }
    if (!endpoint_.is_open() || ending_) { co_return errc::peer_down; }
    if (bytes.empty()) { co_return ok(); }
    sending_ = true;
    operation op(*this);
    op.send(bytes);
    const errc outcome = co_await op;
    sending_ = false;
    co_return outcome;
}

runtime::task<result<std::size_t>> stream::receive(byte_span to) {
    if (receiving_) { co_return errc::busy; }
    if (!endpoint_.is_open() || ending_) { co_return errc::peer_down; }
    if (to.empty()) { co_return std::size_t{0}; }
    receiving_ = true;
    operation op(*this);
    op.receive(to);
    const errc outcome = co_await op;
    receiving_ = false;
    if (outcome != errc::ok) { co_return outcome; }
    co_return to.size();
}

runtime::task<void> stream::close() {
    runtime::task<status> all = shut_down();
    (void)co_await runtime::without_stop(std::move(all));
}

runtime::task<status> stream::shut_down() {
    if (flushing_) {
        end_soon();
    } else if (endpoint_.is_open() && !endpoint_.failed() && !endpoint_.flushing()) {
        flush(close_limit);
        BFS_CO_CHECK(co_await flushed_.wait());
        end();
    } else {
        end();
    }
    co_return co_await closed_.wait();
}

void stream::flush(duration limit) noexcept {
    flushed_.reset();
    flushing_ = true;
    endpoint_.flush(limit);
}

void stream::end_soon() noexcept {
    ending_ = true;
    if (flushing_) {
        endpoint_.hurry(farewell_limit);
    } else if (!endpoint_.is_open() || endpoint_.failed() || endpoint_.flushing()) {
        end(); // flushing() without ours being due: it took too long before
    } else {
        flush(farewell_limit);
    }
}

void stream::on_endpoint_flushed(errc outcome) noexcept {
    flushing_ = false;
    flush_outcome_ = outcome;
    flushed_.set();
    if (ending_) { end(); }
}

/// An endpoint that is closed does not say any more how its flush ended.
void stream::on_endpoint_closed() noexcept {
    if (std::exchange(flushing_, false)) { flush_outcome_ = errc::peer_down; }
    flushed_.set();
    closed_.set();
}

} // namespace benchfs::transport::ucx
