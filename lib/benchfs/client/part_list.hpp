// How a range of a file is cut into reads and writes of one server each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace benchfs {

/// The parts of a range, by number: what lies in one chunk and in one piece of `part_bytes` of it.
class part_list {
public:
    part_list(std::uint64_t offset, std::size_t size, std::uint32_t chunk_size,
              std::uint32_t part_bytes) noexcept
        : offset_(offset),
          end_(offset + size),
          chunk_size_(chunk_size),
          part_bytes_(part_bytes),
          pieces_((std::uint64_t{chunk_size} + part_bytes - 1) / part_bytes) {}

    [[nodiscard]] std::size_t count() const noexcept {
        return end_ == offset_ ? 0 : static_cast<std::size_t>(piece_of(end_ - 1) - piece_of(offset_) + 1);
    }
    /// First byte and size of part i, in the file.
    [[nodiscard]] std::pair<std::uint64_t, std::uint32_t> at(std::size_t i) const noexcept {
        const std::uint64_t piece = piece_of(offset_) + i;
        const std::uint64_t chunk = piece / pieces_ * chunk_size_;
        const std::uint64_t from = chunk + piece % pieces_ * part_bytes_;
        const std::uint64_t begin = std::max(offset_, from);
        const std::uint64_t end = std::min({end_, from + part_bytes_, chunk + chunk_size_});
        return {begin, static_cast<std::uint32_t>(end - begin)};
    }

private:
    std::uint64_t offset_;
    std::uint64_t end_;
    std::uint64_t chunk_size_;
    std::uint64_t part_bytes_;
    std::uint64_t pieces_; // of a chunk; its last one may be short, so that no part crosses a chunk's end

    /// The number of the piece that a byte lies in, counted through the whole file.
    [[nodiscard]] std::uint64_t piece_of(std::uint64_t at) const noexcept {
        return at / chunk_size_ * pieces_ + at % chunk_size_ / part_bytes_;
    }
};

} // namespace benchfs
