// The simulated network: who can reach whom, how fast, and what gets lost.
//
// Hosts (host.hpp) are transports; a pair of links (link.hpp) is a connection. A link delivers in order; a
// partition or a stopped host holds messages back, a cut loses some of them and tells the two ends about it at
// different times.
#pragma once

#include "world.hpp"

#include "benchfs/base/bytes.hpp"

#include <map>
#include <utility>
#include <vector>

namespace benchfs::sim {

class host;
class link;

/// What happened in windows.
struct window_counts {
    std::uint64_t pieces = 0;  // taken
    std::uint64_t late = 0;    // of them, after the connection was lost or their sender had gone
    std::uint64_t partial = 0; // transfers of which only some pieces ever came
    std::uint64_t dropped = 0; // transfers with pieces that were there and never looked at
    std::uint64_t stalls = 0;  // of makers

    window_counts& operator+=(const window_counts& other) noexcept {
        pieces += other.pieces;
        late += other.late;
        partial += other.partial;
        dropped += other.dropped;
        stalls += other.stalls;
        return *this;
    }
};

class network {
public:
    explicit network(world& w) noexcept : world_(w) {}

    unsigned windows_percent = 50;    // of the connections that ask for one
    unsigned lost_pieces_percent = 0; // of the pieces: the connection is lost just before
    window_counts windows;

    [[nodiscard]] world& owner() noexcept { return world_; }
    /// Addresses are never given twice.
    [[nodiscard]] std::uint64_t join(host& h);
    void leave(std::uint64_t id) noexcept { hosts_.erase(id); }
    /// nullptr when nobody listens there.
    [[nodiscard]] host* find(const_byte_span address) const noexcept;
    [[nodiscard]] static std::vector<std::byte> address_of(std::uint64_t id);

    /// How long a message takes, this time.
    [[nodiscard]] duration latency(const host& from, const host& to) noexcept;
    /// Until when nothing passes between the two; a time in the past: it passes.
    [[nodiscard]] time_point held_until(const host& from, const host& to) const noexcept;

    // ---- faults ----
    /// Holds back whatever the two send each other.
    void part(const host& a, const host& b, duration d);
    /// Holds back whatever this host sends and gets, as if its process were stopped.
    void stall(const host& h, duration d);
    /// Multiplies the latency of everything from and to this host for a while.
    void slow(const host& h, unsigned factor, duration d);

private:
    struct slowness {
        unsigned factor = 1;
        time_point until{};
    };
    world& world_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, host*> hosts_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, time_point> parted_;
    std::map<std::uint64_t, time_point> stalled_;
    std::map<std::uint64_t, slowness> slow_;
};

} // namespace benchfs::sim
