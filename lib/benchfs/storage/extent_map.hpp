// Where the blocks of one chunk are on the disk, and their checksums.
//
// Extents are sorted by their place in the chunk; what no extent covers is a hole. A block that a truncate cut
// keeps its bytes and checksum on the disk; the map remembers how many of them count, the rest reads as zeros.
#pragma once

#include "benchfs/storage/space.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace benchfs::storage {

struct chunk_extent {
    std::uint32_t first = 0; // block of the chunk
    std::uint32_t count = 0;
    std::uint32_t disk = 0; // first block on the disk
    friend bool operator==(const chunk_extent&, const chunk_extent&) = default;
};

class extent_map {
public:
    [[nodiscard]] bool empty() const noexcept { return extents_.empty(); }
    [[nodiscard]] std::size_t extents() const noexcept { return extents_.size(); }

    /// Blocks first, first + 1, ... now lie in `runs` (as many as there are checksums). What they replace is
    /// appended to `freed`. No extent crosses a multiple of `stride` blocks: segments are files of their own.
    void replace(std::uint32_t first, std::span<const disk_extent> runs, std::span<const std::uint32_t> crcs,
                 std::uint32_t stride, std::vector<disk_extent>& freed);
    /// Everything from byte `size` on is a hole.
    void cut(std::uint32_t size, std::vector<disk_extent>& freed);

    /// Appends the extents within [first, first + count), clipped to it.
    void find(std::uint32_t first, std::uint32_t count, std::vector<chunk_extent>& out) const;
    /// Of a block that is mapped: the checksum of its 4 KiB on the disk.
    [[nodiscard]] std::uint32_t crc(std::uint32_t block) const noexcept { return crcs_[block]; }
    /// For a checkpoint and its recovery. restore() is false, and the map empty, when the parts do not make a
    /// map.
    struct cut_block {
        std::uint32_t block;
        std::uint32_t valid;
    };
    [[nodiscard]] std::span<const chunk_extent> all_extents() const noexcept { return extents_; }
    [[nodiscard]] std::span<const std::uint32_t> all_crcs() const noexcept { return crcs_; }
    [[nodiscard]] std::span<const cut_block> all_cuts() const noexcept { return cuts_; }
    [[nodiscard]] bool restore(std::vector<chunk_extent> extents, std::vector<std::uint32_t> crcs,
                               std::vector<cut_block> cuts);
    /// How many bytes of a mapped block count (4096 unless it was cut).
    [[nodiscard]] std::uint32_t valid_bytes(std::uint32_t block) const noexcept;

private:
    void unmap(std::uint32_t first, std::uint32_t end, std::vector<disk_extent>& freed);
    void insert(chunk_extent fresh, std::uint32_t stride);

    std::vector<chunk_extent> extents_;
    std::vector<std::uint32_t> crcs_; // by block; of holes: unset
    std::vector<cut_block> cuts_; // few: it takes a truncate and then a write elsewhere to make a second one
};

} // namespace benchfs::storage
