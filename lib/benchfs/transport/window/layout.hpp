// What a window looks like in shared memory.
//
// A window belongs to one client and its server. Each direction has a ring of 64-byte slots (one per record)
// and a ring of bytes for what does not fit into a slot. A record is published by its sequence number, which
// sits in the slot it describes: a small message costs one cache line each way. Behind the rings lie the
// staging pieces, which the client owns and names in records. Both sides treat everything here as hostile: copy
// out, then check.
#pragma once

#include "benchfs/base/types.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace benchfs::transport::window {

inline constexpr std::uint32_t slot_count = 256;
inline constexpr std::uint32_t data_bytes = 64 * KiB;
/// Payloads up to this size travel inside the ring, larger ones through the staging pieces.
inline constexpr std::uint32_t inline_max = 8 * KiB;
inline constexpr std::uint32_t piece_count = 16;
inline constexpr std::uint32_t piece_bytes = 64 * KiB;
/// One call never holds more pieces than this, so that two are left for others.
inline constexpr std::uint32_t pieces_per_call = piece_count - 2;
/// So many that lie side by side are filled or emptied at once: for a page cache one copy of 256 KiB is cheaper
/// than four of 64, while more at a time would keep the other side waiting.
inline constexpr std::uint32_t pieces_at_once = 4;
/// Requests of a client that wait for their reply. The rest of the reply ring's slots is kept for records about
/// pieces, of which there is at most one each.
inline constexpr std::uint32_t exchange_count = slot_count - 2 * piece_count;
inline constexpr std::uint16_t no_exchange = 0xffff;

enum class record_kind : std::uint8_t {
    message = 1, // payload, if any, inside the ring
    staged = 2,  // a message whose payload comes in pieces
    piece = 3,   // a filled piece
    release = 4, // server to client: a drained piece goes back
    lend = 5,    // client to server: pieces for a reply
    abort = 6,   // client to server: the rest of a staged request will not come
};

struct record {
    std::uint32_t sequence = 0; // written last, with release order
    record_kind kind{};
    std::uint8_t piece = 0;
    std::uint16_t header_size = 0;
    std::uint32_t payload_size = 0; // of the message, or bytes in the piece
    std::uint16_t exchange = no_exchange;
    std::uint16_t lent = 0; // pieces lent for the reply, a bit each
    std::uint32_t reply_payload_max = 0;
    std::uint16_t reply_header_max = 0;
    std::uint8_t consumed = 0; // records of the other ring that the writer of this one is done with, modulo 256
    std::uint8_t rewound = 0;  // 1: its bytes are at the beginning of the byte ring
};
static_assert(sizeof(record) == 24);

/// How much of a header travels in the slot itself.
inline constexpr std::size_t head_bytes = 64 - sizeof(record);

struct alignas(64) slot {
    record what;
    std::array<std::byte, head_bytes> head;
};
static_assert(sizeof(slot) == 64);

struct ring_memory {
    std::array<slot, slot_count> slots;
    alignas(128) std::atomic<std::uint32_t> consumed; // slots that the reader is done with, modulo 2^32
    alignas(128) std::array<std::byte, data_bytes> data;
};

using nonce = std::array<std::uint64_t, 2>;

struct window_memory {
    std::uint64_t magic;
    nonce server_nonce;
    nonce client_nonce;
    alignas(128) std::atomic<std::uint32_t> server_asleep;
    alignas(128) std::atomic<std::uint32_t> client_asleep;
    alignas(128) ring_memory to_server;
    alignas(128) ring_memory to_client;
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

inline constexpr std::uint64_t window_magic = 0x32776e7773666231ULL;
inline constexpr std::size_t staging_offset = (sizeof(window_memory) + 4095) / 4096 * 4096;
inline constexpr std::size_t size_with_staging = staging_offset + std::size_t{piece_count} * piece_bytes;

/// Space in the byte ring that a record with this header and inline payload takes.
[[nodiscard]] constexpr std::uint32_t data_room(std::size_t header, std::size_t inline_payload) noexcept {
    const std::size_t rest = header > head_bytes ? header - head_bytes : 0;
    return static_cast<std::uint32_t>((rest + inline_payload + 63) / 64 * 64);
}

} // namespace benchfs::transport::window
