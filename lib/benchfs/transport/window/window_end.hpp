// What both ends of a window have in common: rings, sleeping, delivery, and payloads that arrive in pieces.
#pragma once

#include "benchfs/transport/path.hpp"
#include "benchfs/transport/window/ring.hpp"
#include "benchfs/transport/window/shared_memory.hpp"
#include "benchfs/transport/window/window_message.hpp"

#include <memory>

namespace benchfs::transport::window {

class window_set;

/// A request token that belongs to a window: the top bit, the exchange's use count and its number.
inline constexpr request_token window_token_bit = request_token{1} << 63;

class window_end : public path {
public:
    ~window_end() override;

    [[nodiscard]] std::string_view name() const noexcept final { return "window"; }
    [[nodiscard]] bool owns(request_token token) const noexcept final {
        return (token & window_token_bit) != 0;
    }
    [[nodiscard]] std::size_t memory() const noexcept final { return memory_ ? memory_->size() : 0; }
    void start() noexcept final { started_ = true; }

    // For the window_set, which drives all windows of a process.

    /// Takes records from the ring (bounded); true if there were any.
    bool poll() noexcept;
    void say_asleep() noexcept { my_asleep_->store(1, std::memory_order_relaxed); }
    void say_awake() noexcept { my_asleep_->store(0, std::memory_order_relaxed); }
    [[nodiscard]] bool may_sleep() noexcept {
        return !started_ || (!reader_.has_record() && !blocked_on_ring());
    }
    std::uint32_t quiet_turns = 0;

protected:
    window_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory, bool server) noexcept;

    /// One record; `payload` is valid until it returns. A rule broken: fail().
    virtual void on_record(const record& what) noexcept = 0;
    /// The reply or request of `exchange` is completely here, or will not come: pieces go back.
    virtual void give_back(std::uint16_t exchange, std::uint8_t piece) noexcept = 0;
    virtual void incoming_done(std::uint16_t exchange) noexcept = 0;
    [[nodiscard]] virtual incoming& incoming_of(std::uint16_t exchange) noexcept = 0;
    /// Whether the reply's payload leaves through pieces.
    [[nodiscard]] virtual bool makes_reply(std::uint16_t) const noexcept { return false; }
    /// Tries again what did not fit (only called while backlog_ is set); true if something moved.
    virtual bool work_backlog() noexcept { return false; }
    /// Whether something waits for room in the outgoing ring, which comes back without a wake-up.
    [[nodiscard]] virtual bool blocked_on_ring() noexcept { return false; }

    /// Publishes a record and wakes the peer if it sleeps. Requires writer_.fits().
    void publish(record what, const_byte_span header = {}, const const_segments* payload = nullptr) noexcept;
    /// Copies the record's header and payload into a message and hands it to the connection.
    void deliver(const record& what, request_token token) noexcept;
    void piece_arrived(incoming& in, const record& what) noexcept;
    void drain(std::uint16_t exchange) noexcept;
    [[nodiscard]] static errc take(incoming& in, const_byte_span piece) noexcept;
    void stop_incoming(incoming& in, errc reason) noexcept;
    void fail(errc reason, const char* what) noexcept;
    void detach_messages() noexcept;

    [[nodiscard]] bool has_staging() const noexcept { return staging_ != nullptr; }
    [[nodiscard]] std::byte* piece_at(std::uint32_t piece) const noexcept {
        return staging_ + std::size_t{piece} * piece_bytes;
    }
    [[nodiscard]] window_memory& shared() const noexcept {
        return *reinterpret_cast<window_memory*>(memory_->data());
    }

    window_set& set_;
    path_host& host_;
    bool started_ = false;
    bool closed_ = false;
    bool backlog_ = false;

private:
    friend class window_message;

    /// Gives the record in delivery back as soon as nobody needs its bytes any more, so that the reply says so.
    void consume() noexcept {
        if (!std::exchange(consumed_, true)) { reader_.consume(); }
    }
    void start_receive(window_message& m, receive_operation& op) noexcept;
    void abandon_receive(window_message& m, receive_operation& op) noexcept;
    void forget(window_message& m) noexcept;

    std::unique_ptr<shared_memory> memory_;
    std::byte* staging_ = nullptr;
    std::atomic<std::uint32_t>* my_asleep_;
    std::atomic<std::uint32_t>* peer_asleep_;

protected:
    ring_writer writer_;
    ring_reader reader_;

private:
    bool consumed_ = false;        // the record in delivery
    const_byte_span payload_;      // of the record in delivery
    intrusive_list<message> live_; // messages somebody holds
};

} // namespace benchfs::transport::window
