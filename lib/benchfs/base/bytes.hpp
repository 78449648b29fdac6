// Bytes: spans, bounded copies between scattered pieces, and plain structs on the wire.
#pragma once

#include "benchfs/base/assert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace benchfs {

using byte_span = std::span<std::byte>;
using const_byte_span = std::span<const std::byte>;

// The wire and the disk are little-endian, and structs go there as they are.
static_assert(std::endian::native == std::endian::little, "benchfs needs a little-endian machine");

/// A struct that may cross the wire: fixed size, no padding, no pointers.
template <class T>
concept wire_struct = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

template <wire_struct T>
[[nodiscard]] const_byte_span bytes_of(const T& value) noexcept {
    return std::as_bytes(std::span<const T, 1>(&value, 1));
}

/// Copies a T out of the front of `from`; false if it is too short.
template <wire_struct T>
[[nodiscard]] bool load(const_byte_span from, T& to) noexcept {
    if (from.size() < sizeof(T)) { return false; }
    std::memcpy(&to, from.data(), sizeof(T));
    return true;
}

/// A bounded list of byte ranges: where a payload goes to, or comes from. Fixed capacity, no allocation: 4 MiB
/// in 64 KiB granules that start anywhere, plus one for checksums.
template <class Span>
class basic_segments {
public:
    static constexpr std::size_t capacity = 68;

    basic_segments() noexcept {} // the array is left unset: it is a kilobyte, on the hot path
    explicit basic_segments(Span one) noexcept { push(one); }

    void push(Span s) noexcept {
        if (s.empty()) { return; }
        BFS_ASSERT(count_ < capacity);
        list_[count_++] = {s.data(), s.size()};
        bytes_ += s.size();
    }
    void clear() noexcept {
        count_ = 0;
        bytes_ = 0;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] Span operator[](std::size_t i) const noexcept { return Span{list_[i].data, list_[i].size}; }

private:
    struct entry {
        typename Span::pointer data;
        std::size_t size;
    };
    std::uint32_t count_ = 0;
    std::size_t bytes_ = 0;
    union {
        entry list_[capacity];
    };
};

using segments = basic_segments<byte_span>;
using const_segments = basic_segments<const_byte_span>;

/// A place in a segment list that moves forward as bytes are copied. The list must outlive it.
template <class Span>
class segment_cursor {
public:
    segment_cursor() noexcept = default;
    explicit segment_cursor(const basic_segments<Span>& list) noexcept : list_(&list) {}

    [[nodiscard]] std::size_t remaining() const noexcept {
        return list_ == nullptr ? 0 : list_->bytes() - done_;
    }

    /// Copies up to n bytes from here to `to`; returns how many.
    std::size_t copy_out(std::byte* to, std::size_t n) noexcept {
        return walk(n, [&](auto* here, std::size_t part) {
            std::memcpy(to, here, part);
            to += part;
        });
    }
    /// Copies up to n bytes from `from` to here; returns how many.
    std::size_t copy_in(const std::byte* from, std::size_t n) noexcept {
        return walk(n, [&](auto* here, std::size_t part) {
            std::memcpy(here, from, part);
            from += part;
        });
    }

private:
    template <class F>
    std::size_t walk(std::size_t n, F&& each) noexcept {
        std::size_t moved = 0;
        while (moved < n && list_ != nullptr && at_ < list_->count()) {
            Span s = (*list_)[at_];
            const std::size_t part = std::min(n - moved, s.size() - offset_);
            each(s.data() + offset_, part);
            moved += part;
            offset_ += part;
            if (offset_ == s.size()) {
                ++at_;
                offset_ = 0;
            }
        }
        done_ += moved;
        return moved;
    }

    const basic_segments<Span>* list_ = nullptr;
    std::size_t at_ = 0;
    std::size_t offset_ = 0;
    std::size_t done_ = 0;
};

} // namespace benchfs
