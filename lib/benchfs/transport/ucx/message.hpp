// A message that arrived over UCX, and the pool that such messages come from.
//
// Its payload is UCX's until it is received or dropped: eager data that came with it, or the descriptor of a
// rendezvous. When its connection ends a message lets go of the payload and answers receive() with peer_down;
// it stays safe to hold even after the transport is gone, because the pool lives until its last message is
// back.
#pragma once

#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/ucx/wire.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <memory>

namespace benchfs::transport::ucx {

class ucx_connection;
class ucx_message;
class message_pool;

/// Where messages that were validated go, from the worker's poll().
class message_sink {
public:
    virtual void on_arrival(ucx_message& m) noexcept = 0;

protected:
    ~message_sink() = default;
};

/// One rendezvous payload on its way in; it outlives its message if that is dropped meanwhile.
struct receive_record final : deferred {
    explicit receive_record(message_pool& home) noexcept : pool(home) {}
    void run() noexcept override;

    message_pool& pool;
    ucx_connection* connection = nullptr;
    receive_operation* op = nullptr;
    ucx_message* from = nullptr; // null once the message is gone
    void* request = nullptr;
    ucs_status_t outcome = UCS_OK;
    ucp_dt_iov_t iov[segments::capacity];
};

class ucx_message final : public message {
public:
    /// Its place in its connection's list; the message's own hook is the user's.
    struct place final : list_hook<> {
        explicit place(ucx_message& m) noexcept : self(m) {}
        ucx_message& self;
    };

    explicit ucx_message(message_pool& home) noexcept : home_(home) {}

    void receive(receive_operation& op) noexcept override;
    void abandon(receive_operation& op) noexcept override;

    [[nodiscard]] const wire_prefix& prefix() const noexcept { return prefix_; }
    /// The payload that came with the message; empty if there is none or it waits at the sender.
    [[nodiscard]] const_byte_span eager() const noexcept;

    /// A connection knows its messages, so that it can let go of their payloads when it ends.
    void attach(ucx_connection& c, intrusive_list<place>& messages) noexcept;
    void detach() noexcept;

private:
    friend class message_pool;
    friend struct receive_record;
    enum class state : std::uint8_t { empty, eager, copied, rendezvous, taken, lost };

    class arrival_item final : public deferred {
    public:
        explicit arrival_item(ucx_message& self) noexcept : self_(self) {}
        void run() noexcept override;
        void discard() noexcept override { self_.release(); }

    private:
        ucx_message& self_;
    };

    void release() noexcept override;
    void let_go(state next) noexcept;
    void start_rendezvous(receive_operation& op) noexcept;

    message_pool& home_;
    wire_prefix prefix_;
    state state_ = state::empty;
    void* data_ = nullptr;
    ucx_connection* connection_ = nullptr;
    receive_record* record_ = nullptr;
    place place_{*this};
    arrival_item arrival_{*this};
};

/// Messages and receive records: reused, so that a warm connection allocates nothing.
class message_pool {
public:
    /// Received and not dropped yet; more means that the layers above lost count.
    static constexpr std::uint32_t live_max = 1u << 18;

    [[nodiscard]] static message_pool* create(worker& w, message_sink& sink) {
        return new message_pool(w, sink);
    }
    /// The transport ends: no payload is held any more. Frees the pool, now or with its last message.
    void retire() noexcept;

    /// In the active-message callback: takes the payload over and queues the message. What it returns goes to
    /// UCX.
    [[nodiscard]] ucs_status_t accept(const wire_prefix& prefix, const_byte_span rest, void* data,
                                      std::size_t size, std::uint64_t attributes) noexcept;

    [[nodiscard]] receive_record* take_record();
    void give_back(receive_record& r) noexcept { free_records_.push_back(r); }
    [[nodiscard]] worker* owner() const noexcept { return worker_; }
    [[nodiscard]] std::uint32_t live() const noexcept { return live_; }

private:
    friend class ucx_message;
    message_pool(worker& w, message_sink& sink) noexcept : worker_(&w), sink_(&sink) {}
    ~message_pool();
    [[nodiscard]] ucx_message* take();
    void give_back(ucx_message& m) noexcept;

    worker* worker_; // null after retire()
    message_sink* sink_;
    std::uint32_t live_ = 0;
    std::uint64_t tokens_ = 0;
    intrusive_list<message> free_;
    intrusive_list<deferred> free_records_;
};

} // namespace benchfs::transport::ucx
