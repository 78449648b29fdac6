#include "benchfs/storage/space.hpp"

#include "benchfs/base/assert.hpp"

#include <algorithm>
#include <bit>

namespace benchfs::storage {
namespace {

constexpr std::size_t class_of(std::uint32_t count) noexcept {
    return static_cast<std::size_t>(std::bit_width(count)) - 1;
}

// How many runs of the class that may fit are tried before a longer one is broken or the request is split.
constexpr int tries = 8;

// The page cache keeps what was written at once in as few, as large and as aligned pieces (folios) as it can; a
// MiB in pieces of up to 64 KiB costs a third more to write and to read (Linux 6.18, ext4). Requests of a round
// size keep their alignment when the run has the room; small requests use up the gaps.
constexpr std::uint32_t smallest_aligned = 16;
constexpr std::uint32_t largest_alignment = 256;

/// Blocks to leave free before `count` blocks of a run.
constexpr std::uint32_t gap_before(std::uint32_t block, std::uint32_t length, std::uint32_t count) noexcept {
    const std::uint32_t round = std::min(count & (~count + 1), largest_alignment);
    if (round < smallest_aligned) { return 0; }
    const std::uint32_t gap = (round - block % round) % round;
    return length >= count && length - count >= gap ? gap : 0;
}

} // namespace

void space::insert(std::uint32_t block, std::uint32_t count) {
    by_address_.emplace(block, count);
    by_class_[class_of(count)].insert(block);
}

space::iterator space::erase(iterator run) {
    by_class_[class_of(run->second)].erase(run->first);
    return by_address_.erase(run);
}

void space::add(disk_extent fresh) {
    BFS_ASSERT(fresh.block / stride_ == (fresh.block + fresh.count - 1) / stride_);
    total_ += fresh.count;
    give_back(fresh);
}

void space::give_back(disk_extent run) {
    if (run.count == 0) { return; }
    free_ += run.count;
    BFS_ASSERT(free_ <= total_);
    std::uint32_t first = run.block;
    std::uint32_t end = run.block + run.count;
    auto next = by_address_.lower_bound(first);
    BFS_ASSERT(next == by_address_.end() || end <= next->first); // freed twice
    if (next != by_address_.end() && next->first == end && end % stride_ != 0) {
        end += next->second;
        next = erase(next);
    }
    if (next != by_address_.begin()) {
        const auto before = std::prev(next);
        BFS_ASSERT(before->first + before->second <= first);
        if (before->first + before->second == first && first % stride_ != 0) {
            first = before->first;
            erase(before);
        }
    }
    insert(first, end - first);
}

bool space::claim(disk_extent run) {
    auto at = by_address_.upper_bound(run.block);
    if (run.count == 0 || at == by_address_.begin()) { return false; }
    --at;
    const auto [block, count] = *at;
    const std::uint64_t end = std::uint64_t{run.block} + run.count;
    if (end > std::uint64_t{block} + count) { return false; }
    erase(at);
    if (run.block > block) { insert(block, run.block - block); }
    const auto behind = static_cast<std::uint32_t>(std::uint64_t{block} + count - end);
    if (behind != 0) { insert(run.block + run.count, behind); }
    free_ -= run.count;
    return true;
}

space::iterator space::pick(std::uint32_t count) {
    const std::size_t may_fit = class_of(count);
    int left = tries;
    for (const std::uint32_t block : by_class_[may_fit]) {
        const auto run = by_address_.find(block);
        if (run->second >= count) { return run; }
        if (--left == 0) { break; }
    }
    for (std::size_t c = may_fit + 1; c < 32; ++c) {
        if (!by_class_[c].empty()) { return by_address_.find(*by_class_[c].begin()); }
    }
    for (std::size_t c = may_fit + 1; c-- > 0;) {
        if (!by_class_[c].empty()) { return by_address_.find(*by_class_[c].begin()); }
    }
    return by_address_.end();
}

bool space::take(std::uint32_t count, std::vector<disk_extent>& out) {
    if (free_ < count) { return false; }
    free_ -= count;
    while (count != 0) {
        const auto run = pick(count);
        BFS_ASSERT(run != by_address_.end());
        const auto [begin, length] = *run;
        const std::uint32_t gap = gap_before(begin, length, count);
        const std::uint32_t block = begin + gap;
        const std::uint32_t part = std::min(length - gap, count);
        erase(run);
        if (gap != 0) { insert(begin, gap); }
        if (length - gap > part) { insert(block + part, length - gap - part); }
        out.push_back({block, part});
        count -= part;
    }
    return true;
}

} // namespace benchfs::storage
