// One call in flight, as the client sees it: request out, reply in, payload either way, and a deadline.
//
// A call_operation lives in the frame of the coroutine that awaits it, and holds everything that the transport
// refers to. It ends only when the transport has let go of the caller's buffers, whatever happened before.
#pragma once

#include "benchfs/rpc/frame.hpp"
#include "benchfs/rpc/method.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/transport.hpp"

#include <coroutine>
#include <span>

namespace benchfs::rpc {

class peer;

/// Decides, once the reply is here, where its payload goes.
class payload_target {
public:
    /// Fills `out` with exactly `size` bytes, 0 where the reply has no payload; false if that cannot be right
    /// (the call ends with bad_frame).
    virtual bool place(const_byte_span reply, std::size_t size, segments& out) noexcept = 0;
    /// After place(): who takes the bytes, where they come through memory of this process; nullptr: they are
    /// copied to the places.
    [[nodiscard]] virtual transport::payload_taker* taker() noexcept { return nullptr; }

protected:
    ~payload_target() = default;
};

/// What a call sends and expects. The spans must stay valid until the call has ended.
struct call_spec {
    const method_info* method = nullptr;
    const_byte_span request;
    const_byte_span tail;
    const const_segments* payload = nullptr;
    transport::payload_completer* completer = nullptr;
    payload_target* target = nullptr;
    std::uint32_t reply_payload_max = 0;
    byte_span reply;            // the method's reply struct
    std::uint64_t sequence = 0; // at-most-once methods
    time_point deadline = time_point::max();
};

class call_operation final : private transport::send_operation,
                             private transport::receive_operation,
                             private runtime::timer,
                             private runtime::stop_callback {
public:
    call_operation(peer& to, const call_spec& spec) noexcept : peer_(to), spec_(spec) {}
    ~call_operation() { BFS_ASSERT(outstanding_ == 0); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        context_ = caller.promise().context;
        waiting_ = caller;
        outstanding_ = 1; // released at the end of start(): nothing finishes under our feet
        start();
        if (--outstanding_ == 0) {
            finish();
            return false;
        }
        suspended_ = true;
        return true;
    }
    /// ok, the server's answer, or why there is none.
    [[nodiscard]] errc await_resume() const noexcept { return outcome_; }

    /// Whether the server may have received the request.
    [[nodiscard]] bool sent() const noexcept { return sent_; }
    /// Whether the outcome is what the server said, all of it.
    [[nodiscard]] bool answered() const noexcept { return answered_; }
    /// Which other server did not answer, where the server says so.
    [[nodiscard]] const silence& silent() const noexcept { return silent_; }

private:
    friend class peer;

    void start() noexcept;
    /// From the peer: the reply to this call. Takes the message.
    void on_reply(transport::message_ptr m, const decoded& d) noexcept;
    /// From the peer: the connection is gone.
    void on_lost(errc reason) noexcept { conclude(reason); }

    void on_sent(errc outcome) noexcept override;
    void on_received(errc outcome) noexcept override;
    void on_timer() noexcept override { conclude(errc::timed_out); }
    void on_stop(errc reason) noexcept override { conclude(reason); }
    void conclude(errc reason) noexcept;
    [[nodiscard]] bool has_place(std::size_t payload) noexcept;
    void fail(errc reason) noexcept {
        if (outcome_ == errc::ok) { outcome_ = reason; }
    }
    void part_done() noexcept {
        if (--outstanding_ == 0 && suspended_) {
            finish();
            context_->owner->ready().push(waiting_);
        }
    }
    void finish() noexcept {
        timer::cancel();
        stop_callback::unlink();
    }

    enum class reply_state : std::uint8_t { none, awaited, receiving, done };

    peer& peer_;
    const call_spec& spec_;
    runtime::call_context* context_ = nullptr;
    std::coroutine_handle<> waiting_;
    std::uint64_t call_id_ = 0;
    std::uint32_t outstanding_ = 0;
    reply_state reply_ = reply_state::none;
    bool suspended_ = false;
    bool sending_ = false;
    bool sent_ = false;
    bool answered_ = false;
    errc outcome_ = errc::ok;
    silence silent_;
    transport::message_ptr message_;
    header_buffer header_;
    segments into_;
};

} // namespace benchfs::rpc
