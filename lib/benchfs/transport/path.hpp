// A better path for an existing connection: what a window in shared memory is to the network connection below
// it.
//
// The network connection stays: it carries the exchange that sets the path up, the doorbell of a sleeping peer,
// the news of the peer's death, and messages that the path declines. The exchange: the client asks; the server,
// once it trusts the client, makes an offer (opaque bytes); the client accepts it or declines; the server
// confirms that the client really reached the shared memory; then both switch.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/transport/transport.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace benchfs::transport {

/// What a path needs from its connection; the connection outlives the path.
class path_host {
public:
    /// A message arrived on the path. Called from the loop; may destroy nothing of the path before it returns.
    virtual void deliver(message_ptr m) noexcept = 0;
    /// The peer broke the rules or made no progress: the connection closes (later, not inside this call).
    virtual void path_failed(errc reason) noexcept = 0;
    /// Wakes the sleeping peer through the network connection; returns when the doorbell has left.
    virtual void ring_doorbell() noexcept = 0;
    /// For logs.
    [[nodiscard]] virtual std::string peer() const = 0;

protected:
    ~path_host() = default;
};

class path {
public:
    virtual ~path() = default;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Whether this request should go this way (a reply goes the way of its request: owns()).
    [[nodiscard]] virtual bool carries(const send_operation& op) const noexcept = 0;
    [[nodiscard]] virtual bool owns(request_token token) const noexcept = 0;
    virtual void send(send_operation& op) noexcept = 0;
    /// False if op is not with this path. Otherwise on_sent has run when this returns.
    virtual bool abandon(send_operation& op) noexcept = 0;
    /// See connection::go_on(). op may belong to somebody else.
    virtual void go_on(send_operation&) noexcept {}
    /// Server side, once, when the client said it is ready: did it really reach this memory?
    [[nodiscard]] virtual bool confirm() noexcept = 0;
    /// Both sides switch: from here on messages may come and go.
    virtual void start() noexcept = 0;
    /// Takes replies that are already here, then completes everything pending with `reason`. The path is
    /// destroyed after this.
    virtual void shut(errc reason) noexcept = 0;
    [[nodiscard]] virtual std::size_t memory() const noexcept = 0;
};

/// Makes paths; nullptr results are errors that the connection logs once before it stays on the network.
class path_factory {
public:
    virtual ~path_factory() = default;
    /// Server side: `blob` gets what the client needs (at most 768 bytes).
    [[nodiscard]] virtual result<std::unique_ptr<path>> offer(path_host& host,
                                                              std::vector<std::byte>& blob) = 0;
    /// Client side. An error means: decline.
    [[nodiscard]] virtual result<std::unique_ptr<path>> accept(path_host& host, const_byte_span blob) = 0;
};

} // namespace benchfs::transport
