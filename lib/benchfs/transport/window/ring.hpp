// One direction of a window: the single writer and the single reader of a ring.
//
// Positions in the byte ring are not transmitted: both sides derive them from the sizes in the records. A
// record's bytes are contiguous; one that would cross the end starts at the beginning.
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

    /// Slots that the reader has not given back yet.
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return next_ - consumed_; }

private:
    [[nodiscard]] bool fits_as_known(std::uint32_t room) const noexcept {
        if (next_ - consumed_ >= slot_count) { return false; }
        return place(position_, room) + room - freed_ <= data_bytes;
    }

    void refresh() noexcept {
        const std::uint32_t seen = memory_.consumed.load(std::memory_order_acquire);
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

private:
    ring_memory& memory_;
    std::uint32_t next_ = 0;
    std::uint64_t position_ = 0;
};

} // namespace benchfs::transport::window
