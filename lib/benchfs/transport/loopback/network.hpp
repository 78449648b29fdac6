// The switchboard of one process: loopback transports find each other here, by address.
//
// Owned by whoever owns the transports (a test, the embedded file system); it outlives them and every message
// that came from them. The hooks at the end are what a test, or a simulated network, turns.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/clock.hpp"
#include "benchfs/transport/loopback/message.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace benchfs::transport {

class loopback_transport;

class loopback_network {
public:
    loopback_network();
    loopback_network(const loopback_network&) = delete;
    loopback_network& operator=(const loopback_network&) = delete;
    /// Asserts that every transport has left and every message was dropped.
    ~loopback_network();

    /// Addresses are never given twice, so the address of a dead transport finds nothing.
    [[nodiscard]] std::uint64_t join(loopback_transport& t);
    void leave(std::uint64_t id) noexcept;

    [[nodiscard]] static std::vector<std::byte> address_of(std::uint64_t id);
    /// nullptr when nobody listens there, or the bytes are no address of ours.
    [[nodiscard]] loopback_transport* find(const_byte_span address) const noexcept;

    /// A message from the pool; allocates only when more are alive than ever before.
    [[nodiscard]] loopback_message& acquire();
    void release(loopback_message& m) noexcept;
    /// Messages in flight or held by receivers.
    [[nodiscard]] std::size_t live_messages() const noexcept { return live_; }

    /// Messages sent from now on arrive this much later (by the clock of the receiver's loop).
    void set_delay(duration d) noexcept { delay_ = d; }
    [[nodiscard]] duration delay() const noexcept { return delay_; }
    /// The network loses this connection: what is in flight is lost, and both sides see peer_down.
    static void cut(connection& c) noexcept;

private:
    // Messages kept for reuse; what a burst needed beyond this goes back to the heap.
    static constexpr std::size_t pool_limit = 1024;

    std::unordered_map<std::uint64_t, loopback_transport*> transports_;
    std::vector<std::unique_ptr<loopback_message>> pool_;
    std::uint64_t last_id_ = 0;
    std::size_t live_ = 0;
    duration delay_{};
};

} // namespace benchfs::transport
