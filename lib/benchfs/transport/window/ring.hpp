// One direction of a window: the single writer and the single reader of a ring.
//
// Positions in the byte ring are not transmitted: both sides derive them from the sizes in the records. A
// record's bytes are contiguous; one that would cross the end starts at the beginning, and so does one that
// finds the ring empty: a client with few requests at a time moves its payloads through the same few KiB, which
// stay in the first-level caches, instead of through all 64.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/window/layout.hpp"

#include <array>
#include <atomic>
#include <cstring>

namespace benchfs::transport::window {

/// The largest record in the byte ring.
inline constexpr std::uint32_t largest_record = data_room(max_header, inline_max);

/// The first position after `position` that is the beginning of the byte ring.
[[nodiscard]] constexpr std::uint64_t rewind(std::uint64_t position) noexcept {
    return (position + data_bytes - 1) / data_bytes * data_bytes;
}

/// Where in the byte ring a record of `room` bytes starts when the previous one ended at `position`.
[[nodiscard]] constexpr std::uint64_t place(std::uint64_t position, std::uint32_t room) noexcept {
    const std::uint64_t offset = position % data_bytes;
    return offset + room > data_bytes ? position + (data_bytes - offset) : position;
}

class ring_writer {
public:
    explicit ring_writer(ring_memory& memory) noexcept : memory_(memory) {}

    /// Whether a record with `room` bytes in the byte ring fits now.
    [[nodiscard]] bool fits(std::uint32_t room) noexcept {
        if (fits_as_known(room)) [[likely]] { return true; }
        refresh();
        return fits_as_known(room);
    }

    /// Writes and publishes a record; requires fits(). The payload is copied inline if there is one.
    void write(record what, const_byte_span header, const const_segments* payload) noexcept {
        slot& s = memory_.slots[next_ % slot_count];
        const std::size_t in_slot = std::min(header.size(), head_bytes);
        const std::size_t rest = header.size() - in_slot;
        const std::size_t bytes = payload == nullptr ? 0 : payload->bytes();
        if (in_slot != 0) { std::memcpy(s.head.data(), header.data(), in_slot); }
        if (rest + bytes != 0) {
            const std::uint32_t room = data_room(header.size(), bytes);
            if (consumed_ == next_) {
                what.rewound = 1;
                position_ = freed_ = rewind(position_);
            }
            position_ = place(position_, room);
            std::byte* to = memory_.data.data() + position_ % data_bytes;
            if (rest != 0) { std::memcpy(to, header.data() + in_slot, rest); }
            if (bytes != 0) {
                segment_cursor<const_byte_span> cursor(*payload);
                cursor.copy_out(to + rest, bytes);
            }
            position_ += room;
        }
        ends_[next_ % slot_count] = position_;
        ++next_;
        // All of the record but its sequence, then the sequence: the reader looks at nothing before that.
        auto* raw = reinterpret_cast<std::byte*>(&s.what);
        std::memcpy(raw + sizeof(what.sequence),
                    reinterpret_cast<const std::byte*>(&what) + sizeof(what.sequence),
                    sizeof(what) - sizeof(what.sequence));
        std::atomic_ref<std::uint32_t>(s.what.sequence).store(next_, std::memory_order_release);
    }

    /// The reader is done with that many records, modulo 256, as a record of its own says. (Behind a full ring
    /// 0 could mean all or none: then fits() asks the shared count.)
    void acknowledge(std::uint8_t consumed) noexcept {
        advance(consumed_ + static_cast<std::uint8_t>(consumed - consumed_));
    }

    /// Slots that the reader has not given back yet, as far as is known.
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return next_ - consumed_; }

private:
    [[nodiscard]] bool fits_as_known(std::uint32_t room) const noexcept {
        if (next_ - consumed_ >= slot_count) { return false; }
        return place(position_, room) + room - freed_ <= data_bytes;
    }

    void refresh() noexcept { advance(memory_.consumed.load(std::memory_order_acquire)); }

    void advance(std::uint32_t seen) noexcept {
        if (seen - consumed_ > next_ - consumed_) { return; } // nonsense from the peer: it only starves itself
        if (seen == consumed_) { return; }
        consumed_ = seen;
        freed_ = ends_[(seen - 1) % slot_count];
    }

    ring_memory& memory_;
    std::uint32_t next_ = 0; // records written; the sequence of record i is i + 1
    std::uint32_t consumed_ = 0;
    std::uint64_t position_ = 0;
    std::uint64_t freed_ = 0; // everything before this byte position may be overwritten
    std::array<std::uint64_t, slot_count> ends_{};
};

class ring_reader {
public:
    explicit ring_reader(ring_memory& memory) noexcept : memory_(memory) {}

    [[nodiscard]] bool has_record() const noexcept {
        const slot& s = memory_.slots[next_ % slot_count];
        return std::atomic_ref<const std::uint32_t>(s.what.sequence).load(std::memory_order_acquire) ==
               next_ + 1;
    }

    /// A private copy of the next record; requires has_record().
    [[nodiscard]] record peek() const noexcept {
        record copy;
        std::memcpy(&copy, &memory_.slots[next_ % slot_count].what, sizeof(copy));
        return copy;
    }

    /// Copies the header of the record out and gives a view of its inline payload, which lives in shared memory
    /// and stays in place until consume(). False if the sizes make no sense.
    [[nodiscard]] bool open(const record& what, std::byte* header, const_byte_span& payload) noexcept {
        const std::size_t bytes = what.kind == record_kind::message ? what.payload_size : 0;
        if (what.header_size > max_header || bytes > inline_max) { return false; }
        const std::size_t in_slot = std::min<std::size_t>(what.header_size, head_bytes);
        const std::size_t rest = what.header_size - in_slot;
        std::memcpy(header, memory_.slots[next_ % slot_count].head.data(), in_slot);
        payload = {};
        if (rest + bytes != 0) {
            const std::uint32_t room = data_room(what.header_size, bytes);
            if (what.rewound != 0) { position_ = rewind(position_); }
            position_ = place(position_, room);
            const std::byte* from = memory_.data.data() + position_ % data_bytes;
            if (rest != 0) { std::memcpy(header + in_slot, from, rest); }
            payload = {from + rest, bytes};
            position_ += room;
        }
        return true;
    }

    /// Gives the slot, and the bytes behind it, back to the writer.
    void consume() noexcept {
        ++next_;
        memory_.consumed.store(next_, std::memory_order_release);
    }

    /// Records that were given back.
    [[nodiscard]] std::uint32_t consumed() const noexcept { return next_; }

private:
    ring_memory& memory_;
    std::uint32_t next_ = 0;
    std::uint64_t position_ = 0;
};

} // namespace benchfs::transport::window
