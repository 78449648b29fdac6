#include "benchfs/rpc/frame.hpp"

#include "benchfs/base/crc32c.hpp"
#include "benchfs/base/crc32c_serial.hpp"

#include <cstddef>

namespace benchfs::rpc {
namespace {

constexpr std::size_t crc_at = offsetof(frame, crc);

// crc32c() of a few words, in place.
std::uint32_t short_sum(const_byte_span data, std::uint32_t seed) noexcept {
#if defined(__SSE4_2__)
    return ~crc32c_serial(~seed, data.data(), data.size());
#else
    return crc32c(data, seed);
#endif
}

// Of a copy of the frame without its checksum: three whole words, where its first 20 bytes alone would end in
// single bytes. Most replies are nothing else.
std::uint32_t checksum(const_byte_span header) noexcept {
    frame head;
    std::memcpy(&head, header.data(), sizeof(head));
    head.crc = 0;
    return short_sum(header.subspan(sizeof(head)), short_sum(bytes_of(head), 0));
}

} // namespace

void header_buffer::begin(const frame& f, const session_block* session) noexcept {
    frame head = f;
    if (session != nullptr) { head.flags |= flag_session; }
    std::memcpy(bytes_.data(), &head, sizeof(head));
    size_ = sizeof(head);
    if (session != nullptr) {
        std::memcpy(bytes_.data() + size_, session, sizeof(*session));
        size_ += sizeof(*session);
    }
    body_at_ = size_;
}

bool header_buffer::append(const_byte_span bytes) noexcept {
    if (bytes.size() > bytes_.size() - size_) { return false; }
    if (!bytes.empty()) { std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size()); }
    size_ += bytes.size();
    return true;
}

void header_buffer::finish() noexcept {
    const auto body = static_cast<std::uint16_t>(size_ - body_at_);
    std::memcpy(bytes_.data() + offsetof(frame, body), &body, sizeof(body));
    const std::uint32_t crc = checksum(bytes());
    std::memcpy(bytes_.data() + crc_at, &crc, sizeof(crc));
}

result<decoded> decode(const_byte_span header) noexcept {
    decoded d;
    if (!load(header, d.head) || d.head.magic != frame_magic) { return errc::bad_frame; }
    if (d.head.version != frame_version) { return errc::protocol_mismatch; }
    if (checksum(header) != d.head.crc) { return errc::bad_frame; }
    const_byte_span rest = header.subspan(sizeof(frame));
    if ((d.head.flags & flag_session) != 0) {
        if (!load(rest, d.session)) { return errc::bad_frame; }
        rest = rest.subspan(sizeof(session_block));
    }
    if (rest.size() != d.head.body) { return errc::bad_frame; }
    d.body = rest;
    return d;
}

} // namespace benchfs::rpc
