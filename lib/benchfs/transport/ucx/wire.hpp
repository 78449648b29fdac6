// What crosses the network: a prefix in front of every active message's header.
//
// Nothing from the wire is trusted: decode() and unwrap_address() say false to what no correct peer sends, and
// a connection handle that is stale or made up is simply not found.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/slab.hpp"
#include "benchfs/transport/transport.hpp"

#include <cstdint>
#include <vector>

namespace benchfs::transport::ucx {

enum class wire_kind : std::uint8_t {
    hello = 1,             // payload: encode_hello(); extra: the sender's handle
    hello_ack = 2,         // extra: the sender's handle
    message = 3,           // rest of the header and payload: the user's
    doorbell = 4,          // wakes a sleeping peer
    bye = 5,               // extra: why (errc); the sender answers nothing any more
    upgrade_ask = 6,       // client
    upgrade_offer = 7,     // server; rest: what the client needs
    upgrade_no = 8,        // server; extra: why (errc)
    upgrade_ready = 9,     // client: it has reached the path
    upgrade_declined = 10, // client
    upgrade_go = 11,       // server: it has seen that; both switch
};

inline constexpr std::uint8_t wire_version = 1;
inline constexpr std::uint16_t flag_wants_reply = 1;

struct wire_prefix {
    std::uint8_t kind = 0;
    std::uint8_t version = wire_version;
    std::uint16_t flags = 0;
    std::uint32_t reserved = 0;
    std::uint64_t to = 0; // the receiver's handle of the connection; 0 in a hello
    std::uint64_t extra = 0;
};
static_assert(wire_struct<wire_prefix> && sizeof(wire_prefix) == 24);

inline constexpr std::size_t wire_header_max = sizeof(wire_prefix) + max_header;
/// No UCX worker address is longer than this (some 40 bytes a device).
inline constexpr std::size_t address_max = 8192;

/// False for what no peer of this version sends. `header` is all of an active message's header.
[[nodiscard]] bool decode(const_byte_span header, std::size_t payload, wire_prefix& prefix) noexcept;

/// A client names its other open connections to the same server: what the server still has beyond these is of
/// the past (the client reconnects) and is closed first. `live_all`: too many to name.
inline constexpr std::uint32_t live_max = 64;
inline constexpr std::uint32_t live_all = ~0U;
struct hello_view {
    std::span<const std::byte> live;    // handles, 8 bytes each
    bool names_live = true;             // false: live_all
    std::span<const std::byte> address; // UCX's, checked

    [[nodiscard]] bool is_live(std::uint64_t handle) const noexcept;
};
[[nodiscard]] std::vector<std::byte> encode_hello(std::span<const std::uint64_t> live, bool names_live,
                                                  const_byte_span wrapped_address);
[[nodiscard]] bool decode_hello(const_byte_span payload, hello_view& hello) noexcept;

/// A worker's address with a mark and a checksum in front: UCX follows lengths inside an address without
/// checking them, so damaged ones must not reach it.
[[nodiscard]] std::vector<std::byte> wrap_address(const_byte_span worker_address);
/// The worker's address inside; empty if it is damaged or something else.
[[nodiscard]] const_byte_span unwrap_address(const_byte_span wrapped) noexcept;

/// The ranges of a list as UCX wants them, neighbours joined: networks move few large pieces faster than many
/// small ones. Returns how many there are; `to` has room for all of the list.
template <class Entry, class Span>
[[nodiscard]] std::size_t join_neighbours(const basic_segments<Span>& list, Entry* to) noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < list.count(); ++i) {
        const Span part = list[i];
        auto* data = const_cast<std::byte*>(part.data()); // what is sent is only read
        if (count != 0 && static_cast<std::byte*>(to[count - 1].buffer) + to[count - 1].length == data) {
            to[count - 1].length += part.size();
        } else {
            to[count++] = {data, part.size()};
        }
    }
    return count;
}

} // namespace benchfs::transport::ucx
