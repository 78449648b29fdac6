// A message that came through a window, and the state of a payload that comes in pieces.
#pragma once

#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/window/layout.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace benchfs::transport::window {

class window_end;
class message_pool;

/// A staged payload on its way in: pieces that wait for the receiver, or the receiver that waits for pieces.
struct incoming {
    struct filled {
        std::uint8_t piece;
        std::uint32_t bytes;
    };
    struct run {
        std::uint8_t first;
        std::uint8_t pieces;
        std::uint32_t bytes;
    };
    std::uint32_t to_arrive = 0; // bytes not announced yet
    std::uint32_t to_drain = 0;  // bytes not copied out (or discarded) yet
    bool discard = false;        // nobody wants the rest
    errc failed = errc::ok;      // the sender gave up
    receive_operation* receiver = nullptr;
    segment_cursor<byte_span> cursor;
    std::array<filled, piece_count> queue;
    std::uint8_t head = 0;
    std::uint8_t count = 0;

    void begin(std::uint32_t bytes) noexcept {
        to_arrive = to_drain = bytes;
        discard = false;
        failed = errc::ok;
        receiver = nullptr;
        count = 0;
    }
    [[nodiscard]] bool active() const noexcept { return to_drain != 0; }

    /// Takes the next piece out of the queue, with those behind it whose bytes follow on its own.
    [[nodiscard]] run pop_run() noexcept {
        run out{queue[head].piece, 0, 0};
        do {
            out.bytes += queue[head].bytes;
            ++out.pieces;
            head = static_cast<std::uint8_t>((head + 1) % piece_count);
            --count;
        } while (count != 0 && out.pieces < pieces_at_once && out.bytes == out.pieces * piece_bytes &&
                 queue[head].piece == out.first + out.pieces);
        return out;
    }
};

/// Pooled by its end of the window. A message may outlive the window; it then answers receive() with peer_down.
class window_message final : public message {
public:
    [[nodiscard]] bool lies_here() const noexcept override { return payload_size_ != 0; }
    [[nodiscard]] bool makes_reply() const noexcept override;
    void receive(receive_operation& op) noexcept override;
    void abandon(receive_operation& op) noexcept override;

private:
    friend class window_end;
    friend class message_pool;
    enum class payload_kind : std::uint8_t { none, in_ring, spilled, staged, taken };

    void release() noexcept override;
    /// Moves an inline payload out of the ring: the handler kept the message beyond its delivery.
    void spill();
    /// An inline payload to its receiver; what a taker said of it.
    [[nodiscard]] errc hand_over(receive_operation& op) const noexcept;

    window_end* end_ = nullptr; // nullptr: the window is gone
    payload_kind kind_ = payload_kind::none;
    std::uint16_t exchange_ = no_exchange;
    const std::byte* in_ring_ = nullptr;
    std::unique_ptr<std::byte[]> spill_;
    message_pool* pool_ = nullptr;
};

/// Messages of all windows of a process, reused. It lives until its owner has disowned it and the last message
/// came back, so that a message may outlive its window and the transport.
class message_pool {
public:
    [[nodiscard]] window_message& acquire();
    void give_back(window_message& m) noexcept;
    /// The owner's last call.
    void disown() noexcept;

private:
    ~message_pool() = default;
    std::vector<std::unique_ptr<window_message>> all_;
    std::vector<window_message*> free_;
    bool disowned_ = false;
};

} // namespace benchfs::transport::window
