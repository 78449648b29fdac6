// Aligned heap memory with one owner: for O_DIRECT, registered buffers and everything a coroutine frame must
// not hold itself (frames don't keep over-alignment).
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstddef>
#include <utility>

namespace benchfs {

/// Move-only; the bytes are left unset. Empty when default-made, moved from, or when there was no memory.
class buffer {
public:
    buffer() noexcept = default;
    buffer(buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    buffer& operator=(buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~buffer();

    /// `alignment` is a power of two. An empty buffer when bytes is 0 or there is no memory: test it.
    [[nodiscard]] static buffer allocate(std::size_t bytes, std::size_t alignment = 4096) noexcept;

    [[nodiscard]] byte_span span() noexcept { return {data_, size_}; }
    [[nodiscard]] const_byte_span span() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    buffer(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace benchfs
