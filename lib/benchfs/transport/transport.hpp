// The transport: connections that carry messages, each a header and a payload.
//
// The layers above never see rings, pieces, keys or endpoints. A connection has a client side, which sends
// requests, and a server side, which sends at most one reply to each; nothing is unsolicited. All callbacks run
// on the loop's thread, outside of any network library's own callbacks, and may start coroutines.
//
// Who owns what: the transport owns connections; a `connection&` is valid until `receiver::on_closed` returned.
// Operations and their buffers belong to the caller and must stay until the operation's callback ran.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/errc.hpp"
#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::transport {

/// No header is longer than this: an rpc frame and two names.
inline constexpr std::size_t max_header = 1024;
/// No payload is longer than this (16 MiB): larger I/O is several messages.
inline constexpr std::size_t max_payload = std::size_t{16} << 20;

class connection;
class message;

/// Names the request that a reply answers. Opaque; 0: none.
using request_token = std::uint64_t;

/// Takes a payload where it lies, piece after piece, instead of a copy of it. A step of its owner's, not of the
/// network's: it must not block, nor end the connection.
class payload_taker {
public:
    /// The next bytes, in order; they are gone when this returns. They may lie in memory that the peer can
    /// still change: nothing may depend on reading the same twice. An error ends the receive_operation with it.
    [[nodiscard]] virtual errc take(const_byte_span bytes) noexcept = 0;
    /// Whether more bytes at a time cost it less: then what has come together is taken together.
    [[nodiscard]] virtual bool likes_more() const noexcept { return false; }

protected:
    ~payload_taker() = default;
};

/// Makes a payload where it leaves from, piece after piece, instead of being copied there.
class payload_maker {
public:
    /// Fills `to` with the next bytes, in order. False: they are not there yet; after connection::go_on() it is
    /// asked again from there on, for as many or more.
    [[nodiscard]] virtual bool make(byte_span to) noexcept = 0;

protected:
    ~payload_maker() = default;
};

/// Completes a payload while it leaves: what is made of its bytes, and comes behind them, is then made of bytes
/// that the copy needs next anyway.
class payload_completer {
public:
    /// The payload's bytes before `until`, or all of it, will be read. A message that is sent once more asks
    /// once more.
    virtual void complete(std::size_t until) noexcept = 0;

protected:
    ~payload_completer() = default;
};

/// A message on its way out. The sender owns it, its header and payload bytes, until on_sent.
class send_operation : public list_hook<> {
public:
    const_byte_span header;                  // at most max_header
    const const_segments* payload = nullptr; // nullptr: none
    payload_completer* completer = nullptr;  // requests: asked before it is read; nullptr: complete
    // Replies to messages with message::makes_reply() only, instead of `payload`: who makes so many bytes.
    payload_maker* maker = nullptr;
    std::uint32_t made_bytes = 0;
    // Requests: room that the reply may need. A reply that is larger is a protocol error.
    std::uint32_t reply_header_max = 0; // 0: no reply will come
    std::uint32_t reply_payload_max = 0;
    // Replies: the token of the request's message.
    request_token answers = 0;

    /// Called once, possibly from inside send(): the bytes may be reused. An error says why they may not have
    /// arrived (peer_down, cancelled).
    virtual void on_sent(errc outcome) noexcept = 0;

    [[nodiscard]] std::size_t payload_bytes() const noexcept {
        return maker != nullptr ? made_bytes : payload == nullptr ? 0 : payload->bytes();
    }
    void complete_payload(std::size_t until) noexcept {
        if (completer != nullptr) { completer->complete(until); }
    }

protected:
    ~send_operation() = default;

public:
    // The transport's own state while the operation is in its hands; nobody else touches it.
    std::uint64_t transport_word[6] = {};
};

/// A payload on its way into memory. The caller owns it and its target until on_received.
class receive_operation : public list_hook<> {
public:
    const segments* target = nullptr; // exactly the payload's size
    payload_taker* taker = nullptr;   // instead of it, for messages with message::lies_here() only

    /// Called once, possibly from inside receive().
    virtual void on_received(errc outcome) noexcept = 0;

protected:
    ~receive_operation() = default;
};

/// A message that arrived. Its header is a private copy; its payload is still with the transport until it is
/// received. Dropping the message drops the payload.
class message : public list_hook<> {
public:
    /// The header's bytes; they live as long as the message.
    [[nodiscard]] const_byte_span header() const noexcept { return {header_, header_size_}; }
    [[nodiscard]] std::size_t payload_size() const noexcept { return payload_size_; }
    [[nodiscard]] request_token token() const noexcept { return token_; }
    /// Whether the payload lies, or will come to lie, in memory of this process: receive() takes a
    /// payload_taker.
    [[nodiscard]] virtual bool lies_here() const noexcept { return false; }
    /// Whether the reply's payload leaves from memory of this process: it may have a payload_maker.
    [[nodiscard]] virtual bool makes_reply() const noexcept { return false; }

    /// Moves the payload to op.target (once only). Completes at once for payloads that came with the message.
    virtual void receive(receive_operation& op) noexcept = 0;
    /// Asks for an early end of a receive() that has not completed. on_received has run, or will run soon: a
    /// transport that cannot take a buffer back from the network closes the connection for it.
    virtual void abandon(receive_operation& op) noexcept = 0;

protected:
    friend struct message_release;
    virtual ~message() = default;
    virtual void release() noexcept = 0;

    std::size_t payload_size_ = 0;
    request_token token_ = 0;
    std::uint32_t header_size_ = 0;
    std::byte header_[max_header]; // unset beyond header_size_
};

struct message_release {
    void operator()(message* m) const noexcept { m->release(); }
};
using message_ptr = std::unique_ptr<message, message_release>;

/// Gets what happens on a transport's connections. None of these may block.
class receiver {
public:
    /// A peer connected (server side). Refuse it by closing it.
    virtual void on_accept(connection& c) noexcept = 0;
    virtual void on_message(connection& c, message_ptr m) noexcept = 0;
    /// The last call about c: every send_operation on it has been completed, and c is gone afterwards.
    virtual void on_closed(connection& c, errc reason) noexcept = 0;

protected:
    ~receiver() = default;
};

class connection {
public:
    /// Starts sending. May complete op at once. Never blocks: a message that does not fit waits in the
    /// connection.
    virtual void send(send_operation& op) noexcept = 0;
    /// Asks for an early end; see message::abandon.
    virtual void abandon(send_operation& op) noexcept = 0;
    /// The peer has answered without reading op's payload, so it lets go of it: ends op early where that costs
    /// nothing else, and never at the price of the connection.
    virtual void stop_sending(send_operation& op) noexcept { abandon(op); }
    /// op's maker, which was not ready, is asked again. Nothing happens to an operation that has ended.
    virtual void go_on(send_operation&) noexcept {}

    /// Client side: asks the server for a better path (a window in shared memory) and switches to it. ok also
    /// when the peers stay on the network, unless the transport was told to use windows only.
    [[nodiscard]] virtual runtime::task<status> upgrade() = 0;
    /// Server side: the peer has proved who it is and may upgrade. Until then upgrades are refused.
    void trust() noexcept { trusted_ = true; }
    [[nodiscard]] bool trusted() const noexcept { return trusted_; }

    /// Ends the connection: pending operations complete with `reason`, then receiver::on_closed runs (later,
    /// from the loop). Calling it twice is harmless.
    virtual void close(errc reason) noexcept = 0;

    /// "window", "ucx", "loopback": what carries messages right now.
    [[nodiscard]] virtual std::string_view path() const noexcept = 0;
    /// For logs: who is at the other end.
    [[nodiscard]] virtual std::string describe() const = 0;
    /// Memory that this connection costs this process, in bytes.
    [[nodiscard]] virtual std::size_t memory() const noexcept = 0;
    [[nodiscard]] bool is_server_side() const noexcept { return server_side_; }

    /// The receiver's own state for this peer.
    void* user = nullptr;

protected:
    virtual ~connection() = default;
    bool trusted_ = false;
    bool server_side_ = false;
};

class transport {
public:
    virtual ~transport() = default;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Where peers reach this process; opaque bytes for the registry.
    [[nodiscard]] virtual std::vector<std::byte> address() const = 0;
    /// Who hears of messages; set before connect() and before peers arrive. Must outlive the transport's use.
    virtual void set_receiver(receiver& r) noexcept = 0;
    /// Connects to an address. Ends with timed_out at the caller's deadline, or peer_down.
    [[nodiscard]] virtual runtime::task<result<connection*>> connect(std::vector<std::byte> address) = 0;
    /// Closes every connection (flushing briefly what was sent), then refuses new ones. Await it before the
    /// transport is destroyed.
    [[nodiscard]] virtual runtime::task<void> stop() = 0;
};

} // namespace benchfs::transport
