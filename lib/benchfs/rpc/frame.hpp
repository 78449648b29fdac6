// The frame in front of every message: what it is, which call it belongs to, and a checksum.
//
// A message's header is [frame][session block, if flagged][body]; the body is the method's fixed struct and a
// tail of bytes (names). The payload travels beside it. All numbers are little-endian. Nothing here is trusted:
// decode() checks every field before anything else looks at it.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/transport/transport.hpp"

#include <array>
#include <cstdint>

namespace benchfs::rpc {

inline constexpr std::uint16_t frame_magic = 0xbf5e;
inline constexpr std::uint8_t frame_version = 1;

enum frame_flags : std::uint8_t {
    flag_reply = 1,
    flag_session = 2, // a session block follows
};

struct frame {
    std::uint16_t magic = frame_magic;
    std::uint8_t version = frame_version;
    std::uint8_t flags = 0;
    std::uint16_t method = 0;
    std::uint16_t body = 0;    // bytes after the frame and the session block
    std::uint64_t call_id = 0; // chosen by the client, repeated in the reply
    std::uint32_t detail = 0;  // request: milliseconds left; reply: errc
    std::uint32_t crc = 0;     // CRC32C of the whole header with this field 0
};
static_assert(wire_struct<frame> && sizeof(frame) == 24);

/// Names one mutation for ever, so that a repeat is recognised.
struct session_block {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    std::uint64_t lowest_unanswered = 0;
    std::uint32_t generation = 0;
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<session_block>);

/// The body of a reply that says no because another server did not answer.
struct silence {
    static constexpr std::uint32_t nobody = ~std::uint32_t{0};
    std::uint32_t server = nobody;
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<silence>);

/// A header under construction, or complete. The bytes live inside: keep it until the message was sent.
class header_buffer {
public:
    header_buffer() noexcept {} // the bytes are left unset on purpose

    /// Starts over. `session` may be nullptr.
    void begin(const frame& f, const session_block* session) noexcept;
    /// False if the header would grow beyond transport::max_header.
    [[nodiscard]] bool append(const_byte_span bytes) noexcept;
    /// Fills in lengths and checksum.
    void finish() noexcept;
    [[nodiscard]] const_byte_span bytes() const noexcept { return {bytes_.data(), size_}; }

private:
    std::size_t size_ = 0;
    std::size_t body_at_ = 0;
    union {
        std::array<std::byte, transport::max_header> bytes_;
    };
};

/// A header that passed every check. The spans point into the message.
struct decoded {
    frame head;
    session_block session; // zero without flag_session
    const_byte_span body;
};

/// bad_frame: too short, wrong magic, wrong length or checksum; protocol_mismatch: another frame version.
[[nodiscard]] result<decoded> decode(const_byte_span header) noexcept;

} // namespace benchfs::rpc
