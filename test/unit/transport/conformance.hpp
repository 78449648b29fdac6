// What the conformance tests of every transport are written with: payloads whose bytes say where they belong,
// operations that scribble over their memory the moment they may, a peer that answers and calls, and a rig of
// two transports on one loop.
//
// The tests run over every entry of the table of transports by name (and over variants of some), so that a new
// transport is covered by its line in that table.
#pragma once

#include "benchfs/base/prng.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/transports.hpp"

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace benchfs::transport::conformance {

/// n bytes that say which message (id) and which place in it they are.
[[nodiscard]] std::vector<std::byte> pattern(std::uint64_t id, std::size_t n);

/// A payload's memory: pieces of one allocation, cut at random places, out of order, with guard bytes between.
class scattered {
public:
    scattered(std::size_t bytes, prng& random);
    void fill(std::uint64_t id);
    /// The bytes of pattern(id), and nothing else was touched.
    [[nodiscard]] bool holds(std::uint64_t id) const;
    void scribble();
    [[nodiscard]] const segments& target() const noexcept { return target_; }
    [[nodiscard]] const const_segments& source() const noexcept { return source_; }

private:
    std::vector<std::byte> memory_;
    segments target_;
    const_segments source_;
};

/// What every header starts with; pattern bytes fill it up.
struct frame {
    std::uint64_t id = 0;
    std::uint32_t request_bytes = 0;
    std::uint32_t reply_bytes = 0;
    std::uint32_t reply_header = sizeof(std::uint64_t) * 3;
    std::uint32_t reserved = 0;
};
[[nodiscard]] std::vector<std::byte> make_header(const frame& f, std::size_t bytes);
[[nodiscard]] bool read_header(const_byte_span header, frame& f);

class peer;

/// A send that owns its memory and spoils it inside on_sent. Must outlive on_sent.
class outgoing final : public send_operation, private payload_maker, private payload_completer {
public:
    outgoing(peer& owner, connection& c, const frame& f, std::size_t header_bytes, std::size_t payload_bytes);
    /// For replies to messages that allow it: the payload is made piece by piece, and `stalls` out of ten times
    /// not before go_on().
    void make_pieces(std::uint64_t stalls) noexcept;
    /// For requests: the bytes are not in memory before the transport asks for them.
    void complete_late();
    [[nodiscard]] bool stalled() const noexcept { return stalled_; }
    void go_on(connection& c) noexcept {
        stalled_ = false;
        c.go_on(*this);
    }
    void on_sent(errc outcome) noexcept override;
    /// Suspends until on_sent; its outcome.
    [[nodiscard]] runtime::task<status> finish();
    [[nodiscard]] bool done() const noexcept { return done_.is_set(); }
    [[nodiscard]] errc outcome() const noexcept { return outcome_; }

private:
    [[nodiscard]] bool make(byte_span to) noexcept override;
    void complete(std::size_t until) noexcept override;

    peer& owner_;
    segment_cursor<const_byte_span> cursor_;
    std::uint64_t stalls_ = 0;
    bool stalled_ = false;
    bool went_on_ = false;
    std::uint64_t serial_; // of its connection
    std::vector<std::byte> header_;
    std::unique_ptr<scattered> payload_;
    std::vector<std::byte> late_; // what complete() puts there
    segment_cursor<byte_span> completed_;
    runtime::event done_;
    errc outcome_ = errc::ok;
};

class incoming final : public receive_operation, private payload_taker {
public:
    incoming(std::size_t bytes, prng& random);
    /// For payloads that lie here: takes them piece by piece, and after `most` bytes no more (no_space).
    void take_pieces(std::size_t most = ~std::size_t{0}) noexcept;
    void on_received(errc outcome) noexcept override;
    [[nodiscard]] runtime::task<status> finish();
    [[nodiscard]] bool done() const noexcept { return done_.is_set(); }
    [[nodiscard]] bool holds(std::uint64_t id) const { return memory_.holds(id); }

private:
    [[nodiscard]] errc take(const_byte_span bytes) noexcept override;
    [[nodiscard]] bool likes_more() const noexcept override { return likes_more_; }

    scattered memory_;
    segment_cursor<byte_span> cursor_;
    std::size_t most_ = 0;
    bool likes_more_;
    runtime::event done_;
    errc outcome_ = errc::ok;
};

struct call_spec {
    std::size_t request = 0;
    std::size_t reply = 0;
    std::size_t header = sizeof(frame);
    std::size_t reply_header = sizeof(frame);
};

struct arrival {
    connection* from = nullptr;
    message_ptr m;
};

/// One process's side: hears everything on its transport's connections. On server-side connections it answers
/// each request (in the scope), unless `requests` is set; replies go to the call() that waits for them.
class peer final : public receiver {
public:
    peer(std::uint64_t seed, runtime::task_scope*& scope) : random(seed), scope_(scope) {}

    void on_accept(connection& c) noexcept override;
    void on_message(connection& c, message_ptr m) noexcept override;
    void on_closed(connection& c, errc reason) noexcept override;

    /// A request with its reply: checks every byte. Errors: why the request or its reply was lost.
    [[nodiscard]] runtime::task<status> call(connection* c, call_spec spec);
    /// Receives the payload, checks it and replies as the frame asks.
    [[nodiscard]] runtime::task<status> answer(connection* c, message_ptr m);
    /// Waits for a message that `requests` put into the inbox.
    [[nodiscard]] runtime::task<result<arrival>> next();
    [[nodiscard]] runtime::task<status> until(std::function<bool()> condition);
    /// For handlers of a test's own: put the message into the inbox.
    void keep(connection& c, message_ptr m);
    void adopt(connection& c);
    [[nodiscard]] bool has(const connection* c, std::uint64_t serial) const;
    [[nodiscard]] std::uint64_t serial_of(const connection& c) const;
    [[nodiscard]] connection* newest() const noexcept { return open.empty() ? nullptr : open.back(); }

    prng random;
    std::function<void(connection&, message_ptr)> requests; // empty: answer them
    std::function<void(connection&)> accepting;             // empty: accept everybody
    std::function<void(connection&)> closing;               // a connection is about to go
    std::deque<arrival> inbox;
    std::vector<connection*> open;
    std::size_t accepted = 0;
    std::size_t closed = 0;
    std::size_t answered = 0; // replies given to send()
    errc last_reason = errc::ok;
    std::string fault; // the first rule that was broken where nothing may throw

private:
    friend class outgoing;
    struct pending_call {
        std::uint64_t serial = 0;
        message_ptr reply;
        errc failure = errc::ok;
        runtime::event done;
    };
    void blame(std::string what) {
        if (fault.empty()) { fault = std::move(what); }
    }

    runtime::task_scope*& scope_;
    runtime::event changed_;
    std::uint64_t next_id_ = 0;
    std::uint64_t next_serial_ = 0;
    std::unordered_map<const connection*, std::uint64_t> serials_;
    std::unordered_map<std::uint64_t, std::size_t> sending_; // by serial
    std::unordered_map<std::uint64_t, pending_call*> calls_;
};

/// One way of running the suite: a transport of the table, with options.
struct variant {
    std::string label;
    std::string transport;
    std::function<void(transport_options&)> adjust;
    bool upgrade = false; // rigs upgrade their connection before the test's body runs
    runtime::pick_policy policy = runtime::pick_policy::fifo;
};
[[nodiscard]] const std::vector<variant>& variants();

/// Two transports on one loop, a server and a client, and a connection between them.
class rig {
public:
    using body = runtime::task<void> (*)(rig&);
    explicit rig(const variant& v, std::uint64_t seed = 1);
    ~rig();

    /// Connects (unless told not to), runs the body, joins what it started, stops both transports.
    void run(body b, bool connect = true);

    /// Connects once more and, for variants that do so, upgrades.
    [[nodiscard]] runtime::task<result<connection*>> open_connection(bool upgrade);
    /// Lets the loop turn (run what is ready, poll every reactor) that often.
    [[nodiscard]] runtime::task<status> yield(std::size_t turns);

    const variant& how;
    runtime::loop loop;
    loopback_network network;
    runtime::task_scope* scope = nullptr; // while a body runs
    peer server;
    peer client;
    std::unique_ptr<transport> server_transport;
    std::unique_ptr<transport> client_transport;
    connection* up = nullptr;   // the client's side
    connection* down = nullptr; // the server's side

    [[nodiscard]] std::unique_ptr<transport> make();

private:
    class turn_ticker final : public runtime::reactor {
    public:
        explicit turn_ticker(runtime::loop& l) noexcept : loop(l) {}
        bool poll() noexcept override;
        bool prepare_sleep() noexcept override { return waiting.empty(); }
        runtime::loop& loop;
        std::vector<std::coroutine_handle<>> waiting;
    };

    [[nodiscard]] runtime::task<void> whole(body b, bool connect);

    turn_ticker turns_{loop};
};

} // namespace benchfs::transport::conformance
