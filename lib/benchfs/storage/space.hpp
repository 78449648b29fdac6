// Which blocks of the segment files are free.
//
// Free runs are kept by address, so that neighbours join, and by size class, so that a request is served from
// the smallest class that surely fits, lowest address first: small pieces are used up and long runs stay long.
// Requests of a round size (64 KiB and more) begin at a round block where there is room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace benchfs::storage {

/// A run of 4 KiB blocks on the disk. Block b lies in segment b / stride.
struct disk_extent {
    std::uint32_t block = 0;
    std::uint32_t count = 0;
    friend bool operator==(const disk_extent&, const disk_extent&) = default;
};

class space {
public:
    /// Runs never cross a multiple of `stride` blocks.
    explicit space(std::uint32_t stride) noexcept : stride_(stride) {}

    /// More blocks, all free. They must lie in one segment.
    void add(disk_extent fresh);
    /// Takes `count` blocks in as few runs as it finds, appended to `out`; false (and nothing taken) when fewer
    /// are free.
    [[nodiscard]] bool take(std::uint32_t count, std::vector<disk_extent>& out);
    void give_back(disk_extent run);
    /// Takes exactly these blocks; false (and nothing taken) unless all of them are there and free.
    [[nodiscard]] bool claim(disk_extent run);

    [[nodiscard]] std::uint64_t total_blocks() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t free_blocks() const noexcept { return free_; }
    /// Free runs: how fragmented the space is.
    [[nodiscard]] std::size_t runs() const noexcept { return by_address_.size(); }

private:
    using iterator = std::map<std::uint32_t, std::uint32_t>::iterator;

    [[nodiscard]] iterator pick(std::uint32_t count);
    void insert(std::uint32_t block, std::uint32_t count);
    iterator erase(iterator run);

    std::uint32_t stride_;
    std::uint64_t total_ = 0;
    std::uint64_t free_ = 0;
    std::map<std::uint32_t, std::uint32_t> by_address_; // first block -> count
    std::set<std::uint32_t> by_class_[32];              // first blocks of runs of 2^i .. 2^(i+1)-1
};

} // namespace benchfs::storage
