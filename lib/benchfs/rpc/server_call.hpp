// One request at the server: what was asked, how its payload is fetched, and how it is answered.
//
// Pooled by the server. A handler gets a reference that is valid until the handler has ended and its reply has
// left.
#pragma once

#include "benchfs/base/clock.hpp"
#include "benchfs/rpc/frame.hpp"
#include "benchfs/rpc/method.hpp"
#include "benchfs/rpc/server_peer.hpp"
#include "benchfs/rpc/session.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/transport.hpp"

#include <coroutine>
#include <optional>

namespace benchfs::rpc {

class server;

class server_call final : public list_hook<>, private runtime::detail::completion {
public:
    explicit server_call(server& owner) noexcept : owner_(owner) {}

    [[nodiscard]] const method_info& method() const noexcept { return *method_; }
    /// The request's struct; its size was checked against the method before the handler ran.
    template <rpc_method M>
    [[nodiscard]] typename M::request request() const noexcept {
        typename M::request r;
        std::memcpy(&r, body_.data(), sizeof(r));
        return r;
    }
    template <rpc_method M>
    [[nodiscard]] std::string_view tail() const noexcept {
        const const_byte_span rest = body_.subspan(sizeof(typename M::request));
        return {reinterpret_cast<const char*>(rest.data()), rest.size()};
    }
    [[nodiscard]] std::size_t payload_size() const noexcept { return message_ ? message_->payload_size() : 0; }
    /// The mutation's session and number; 0 for other methods.
    [[nodiscard]] std::uint64_t session_id() const noexcept { return session_.session; }
    [[nodiscard]] std::uint64_t sequence() const noexcept { return session_.sequence; }

    class receive_awaiter;
    class reply_awaiter;
    /// Fetches the payload into `target`, which has exactly its size and stays until this resumes.
    [[nodiscard]] receive_awaiter receive(const segments& target) noexcept;
    /// Where the payload lies in memory of this process its pieces can be taken there, instead of copied.
    [[nodiscard]] bool payload_lies_here() const noexcept { return message_ && message_->lies_here(); }
    /// Has `taker`, which stays until this resumes, take the whole payload. Only if payload_lies_here().
    [[nodiscard]] receive_awaiter receive(transport::payload_taker& taker) noexcept;

    /// Answers. Without a payload nothing has to be awaited: the reply is copied.
    template <rpc_method M>
    void reply(const typename M::reply& r) noexcept {
        send_reply(errc::ok, bytes_of(r), nullptr);
    }
    /// For a mutation that suspends after it has changed something: in the step of the change, what a repeat
    /// gets if the server is restarted before reply().
    template <rpc_method M>
    void decide(const typename M::reply& r) noexcept {
        static_assert(M::info.repeat == idempotency::at_most_once);
        decide(bytes_of(r));
    }
    /// Answers with a payload, whose bytes stay until this resumes. An error says that the reply did not
    /// arrive.
    template <rpc_method M>
    [[nodiscard]] reply_awaiter reply_with(const typename M::reply& r, const const_segments& payload) noexcept;
    /// Whether the reply's payload may be made where it leaves from.
    [[nodiscard]] bool makes_reply() const noexcept { return message_ && message_->makes_reply(); }
    /// Answers with a payload of `bytes` that `maker`, which stays until the reply has left, makes. Only if
    /// makes_reply(). Resumes with try_again when the maker was not ready: go_on() when it is.
    template <rpc_method M>
    [[nodiscard]] reply_awaiter reply_made(const typename M::reply& r, transport::payload_maker& maker,
                                           std::uint32_t bytes) noexcept;
    [[nodiscard]] reply_awaiter go_on() noexcept;

    /// Before a handler fails: which server did not answer, where that is why. The client hears it.
    void blame(server_id silent) noexcept { silent_.server = static_cast<std::uint32_t>(silent); }

    [[nodiscard]] bool answered() const noexcept { return answered_; }
    /// The server that asks; nothing if it is a client.
    [[nodiscard]] std::optional<server_id> asker() const noexcept { return asker_; }
    /// Whether another server asked, and its next process is there: that one waits until this call has ended.
    [[nodiscard]] bool superseded() const noexcept {
        return process_ != nullptr && process_->replaced(process_session_);
    }

private:
    friend class server;

    void send_reply(errc outcome, const_byte_span body, const const_segments* payload) noexcept;
    void decide(const_byte_span body) noexcept;
    void reply_sent(errc outcome) noexcept;
    void refuse_room() noexcept;
    void on_done(std::coroutine_handle<> frame, runtime::detail::promise_base& base) noexcept override;

    struct sending final : transport::send_operation {
        explicit sending(server_call& c) noexcept : call(c) {}
        void on_sent(errc outcome) noexcept override { call.reply_sent(outcome); }
        server_call& call;
    };
    /// Between the handler's maker and the transport: wakes the handler when it is not ready.
    struct making final : transport::payload_maker {
        explicit making(server_call& c) noexcept : call(c) {}
        [[nodiscard]] bool make(byte_span to) noexcept override {
            if (from->make(to)) { return true; }
            call.io_finished(errc::try_again);
            return false;
        }
        server_call& call;
        payload_maker* from = nullptr;
    };
    struct receiving final : transport::receive_operation {
        explicit receiving(server_call& c) noexcept : call(c) {}
        void on_received(errc outcome) noexcept override { call.io_finished(outcome); }
        server_call& call;
    };

    server& owner_;
    sending reply_{*this};
    receiving payload_{*this};
    making maker_{*this};
    const method_info* method_ = nullptr;
    transport::connection* connection_ = nullptr; // nullptr: the peer is gone
    transport::message_ptr message_;
    transport::request_token token_ = 0;
    const_byte_span body_;
    std::uint64_t call_id_ = 0;
    session_block session_;
    std::optional<server_id> asker_;
    server_peer* process_ = nullptr; // of the asker, while something may change; and its session
    std::uint64_t process_session_ = 0;
    session::entry* kept_ = nullptr; // where the reply is kept for a repeat
    // Of a call that is measured; started_ is time_point{} for all others.
    time_point started_{};
    time_point arrived_{};
    time_point waiting_since_{}; // for a payload
    duration on_the_way_{};      // spent so
    bool handler_ended_ = false;
    bool answered_ = false;
    bool sending_ = false;
    errc answer_ = errc::ok;
    silence silent_;
    errc io_outcome_ = errc::ok;
    bool io_done_ = false;
    std::coroutine_handle<> waiting_; // in receive() or reply_with()
    runtime::loop* loop_ = nullptr;
    header_buffer header_;

    void wait_for_payload() noexcept {
        if (started_ != time_point{}) [[unlikely]] { waiting_since_ = loop_->read_clock(); }
    }
    void payload_arrived() noexcept {
        if (waiting_since_ != time_point{}) { on_the_way_ += loop_->read_clock() - waiting_since_; }
        waiting_since_ = {};
    }
    void io_finished(errc outcome) noexcept {
        io_outcome_ = outcome;
        io_done_ = true;
        if (started_ != time_point{}) [[unlikely]] { payload_arrived(); }
        if (waiting_) { loop_->ready().push(std::exchange(waiting_, {})); }
    }

    /// Waits for one transfer of the call; it always ends, at the latest with the connection.
    class io_awaiter {
    public:
        explicit io_awaiter(server_call& call) noexcept : call_(call) {}
        [[nodiscard]] bool await_ready() const noexcept { return call_.io_done_; }
        void await_suspend(std::coroutine_handle<> caller) const noexcept { call_.waiting_ = caller; }
        [[nodiscard]] status await_resume() const noexcept { return call_.io_outcome_; }

    private:
        server_call& call_;
    };

public:
    class receive_awaiter : public io_awaiter {
        using io_awaiter::io_awaiter;
    };
    class reply_awaiter : public io_awaiter {
        using io_awaiter::io_awaiter;
    };
};

template <rpc_method M>
server_call::reply_awaiter server_call::reply_with(const typename M::reply& r,
                                                   const const_segments& payload) noexcept {
    io_done_ = false;
    wait_for_payload();
    send_reply(errc::ok, bytes_of(r), &payload);
    return reply_awaiter{*this};
}

template <rpc_method M>
server_call::reply_awaiter server_call::reply_made(const typename M::reply& r, transport::payload_maker& maker,
                                                   std::uint32_t bytes) noexcept {
    io_done_ = false;
    wait_for_payload();
    maker_.from = &maker;
    reply_.maker = &maker_;
    reply_.made_bytes = bytes;
    send_reply(errc::ok, bytes_of(r), nullptr);
    return reply_awaiter{*this};
}

} // namespace benchfs::rpc
