#include "benchfs/storage/wal_format.hpp"

#include "benchfs/base/crc32c.hpp"

#include <algorithm>
#include <cstddef>

namespace benchfs::storage {
namespace {

[[nodiscard]] std::uint32_t sum_of(wal_segment_header header) noexcept {
    header.crc = 0;
    return crc32c(bytes_of(header));
}

[[nodiscard]] std::uint32_t sum_of(wal_frame_header head, const_byte_span records) noexcept {
    head.crc = 0;
    return crc32c(records, crc32c(bytes_of(head)));
}

} // namespace

constinit bool planted_torn_frames = false;

void seal(wal_segment_header& header) noexcept { header.crc = sum_of(header); }

header_state read_header(const_byte_span file, wal_segment_header& out) noexcept {
    if (!load(file, out)) { return file.empty() ? header_state::unused : header_state::bad; }
    const const_byte_span raw = file.first(sizeof(out));
    if (std::ranges::all_of(raw, [](std::byte b) { return b == std::byte{0}; })) {
        return header_state::unused;
    }
    if (out.magic != wal_segment_header::expected_magic) { return header_state::bad; }
    // Versions count from 1: a header of which only the magic was written before its server died.
    if (out.version == 0) { return header_state::bad; }
    // Another version may sum other bytes: magic and version stay where they are for ever.
    if (out.version != wal_version) { return header_state::other_version; }
    if (out.crc != sum_of(out)) { return header_state::bad; }
    wal_segment_header second;
    const bool there = file.size() > wal_second_header && load(file.subspan(wal_second_header), second) &&
                       second.magic == wal_segment_header::expected_magic && second.crc == sum_of(second);
    // One of an earlier use is of another generation.
    if (there && second.generation == out.generation) { out = second; }
    return header_state::good;
}

void append_record(std::vector<std::byte>& frame, std::uint16_t kind,
                   std::initializer_list<const_byte_span> parts) {
    std::size_t size = 0;
    for (const const_byte_span part : parts) { size += part.size(); }
    wal_record_header head;
    head.kind = kind;
    head.size = static_cast<std::uint32_t>(size);
    std::size_t at = frame.size();
    frame.resize(at + sizeof(head) + wal_padded(size)); // the padding is zeros
    std::memcpy(frame.data() + at, &head, sizeof(head));
    at += sizeof(head);
    for (const const_byte_span part : parts) {
        if (part.empty()) { continue; }
        std::memcpy(frame.data() + at, part.data(), part.size());
        at += part.size();
    }
}

void seal_frame(std::vector<std::byte>& frame, std::uint64_t generation, std::uint64_t sequence,
                std::uint64_t durable) noexcept {
    wal_frame_header head;
    head.size = static_cast<std::uint32_t>(frame.size() - sizeof(head));
    head.generation = generation;
    head.sequence = sequence;
    head.durable = durable;
    head.crc = sum_of(head, const_byte_span(frame).subspan(sizeof(head)));
    std::memcpy(frame.data(), &head, sizeof(head));
}

frame_state read_frame(const_byte_span segment, std::size_t at, std::uint64_t generation,
                       wal_frame& out) noexcept {
    if (at >= segment.size() || !load(segment.subspan(at), out.head)) { return frame_state::none; }
    if (out.head.magic != wal_frame_header::expected_magic || out.head.generation != generation) {
        return frame_state::none;
    }
    const const_byte_span rest = segment.subspan(at + sizeof(out.head));
    if (out.head.size > rest.size() || out.head.size % 8 != 0) { return frame_state::torn; }
    out.records = rest.first(out.head.size);
    const bool whole = out.head.crc == sum_of(out.head, out.records);
    // A crash does not leave a frame whose sum is right: somebody has written this version, and it counts.
    if (out.head.version != wal_version) { return whole ? frame_state::other_version : frame_state::torn; }
    return whole || planted_torn_frames ? frame_state::good : frame_state::torn;
}

bool find_frame(const_byte_span segment, std::size_t at, std::uint64_t generation, std::uint64_t sequence,
                wal_frame& out) noexcept {
    for (; at + sizeof(wal_frame_header) <= segment.size(); at += 8) {
        std::uint32_t magic = 0;
        std::memcpy(&magic, segment.data() + at, sizeof(magic));
        if (magic != wal_frame_header::expected_magic) { continue; }
        const frame_state state = read_frame(segment, at, generation, out);
        if (state == frame_state::other_version) { return true; }
        if (state == frame_state::good && out.head.sequence >= sequence) { return true; }
    }
    return false;
}

} // namespace benchfs::storage
