#include "benchfs/storage/extent_map.hpp"

#include "benchfs/storage/chunk_store.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

/// The first extent that ends after `block`.
auto first_beyond(auto& extents, std::uint32_t block) noexcept {
    return std::upper_bound(extents.begin(), extents.end(), block,
                            [](std::uint32_t b, const chunk_extent& e) { return b < e.first + e.count; });
}

} // namespace

void extent_map::unmap(std::uint32_t first, std::uint32_t end, std::vector<disk_extent>& freed) {
    std::erase_if(cuts_, [&](const cut_block& c) { return c.block >= first && c.block < end; });
    auto at = first_beyond(extents_, first);
    if (at != extents_.end() && at->first < first && at->first + at->count > end) {
        // The range lies inside one extent: it becomes two.
        const chunk_extent back{end, at->first + at->count - end, at->disk + (end - at->first)};
        freed.push_back({at->disk + (first - at->first), end - first});
        at->count = first - at->first;
        extents_.insert(at + 1, back);
        return;
    }
    if (at != extents_.end() && at->first < first) {
        const std::uint32_t keep = first - at->first;
        freed.push_back({at->disk + keep, at->count - keep});
        at->count = keep;
        ++at;
    }
    const auto whole = at;
    while (at != extents_.end() && at->first + at->count <= end) {
        freed.push_back({at->disk, at->count});
        ++at;
    }
    if (at != extents_.end() && at->first < end) {
        const std::uint32_t gone = end - at->first;
        freed.push_back({at->disk, gone});
        *at = {end, at->count - gone, at->disk + gone};
    }
    extents_.erase(whole, at);
}

void extent_map::insert(chunk_extent fresh, std::uint32_t stride) {
    auto at = first_beyond(extents_, fresh.first);
    if (at != extents_.begin()) {
        chunk_extent& before = *(at - 1);
        const bool follows =
            before.first + before.count == fresh.first && before.disk + before.count == fresh.disk;
        if (follows && fresh.disk % stride != 0) {
            before.count += fresh.count;
            return;
        }
    }
    extents_.insert(at, fresh);
}

void extent_map::replace(std::uint32_t first, std::span<const disk_extent> runs,
                         std::span<const std::uint32_t> crcs, std::uint32_t stride,
                         std::vector<disk_extent>& freed) {
    const auto end = first + static_cast<std::uint32_t>(crcs.size());
    unmap(first, end, freed);
    std::uint32_t at = first;
    for (const disk_extent& run : runs) {
        insert({at, run.count, run.block}, stride);
        at += run.count;
    }
    BFS_ASSERT(at == end);
    if (crcs_.size() < end) { crcs_.resize(end); }
    std::copy(crcs.begin(), crcs.end(), crcs_.begin() + first);
}

void extent_map::cut(std::uint32_t size, std::vector<disk_extent>& freed) {
    const std::uint32_t keep = (size + block_size - 1) / block_size;
    if (!extents_.empty()) { unmap(keep, extents_.back().first + extents_.back().count, freed); }
    if (crcs_.size() > keep) { crcs_.resize(keep); }
    if (size % block_size == 0) { return; }
    const std::uint32_t block = size / block_size;
    const auto at = first_beyond(extents_, block);
    if (at == extents_.end() || at->first > block) { return; } // a hole
    for (cut_block& c : cuts_) {
        if (c.block == block) {
            c.valid = std::min(c.valid, size % block_size);
            return;
        }
    }
    cuts_.push_back({block, size % block_size});
}

void extent_map::find(std::uint32_t first, std::uint32_t count, std::vector<chunk_extent>& out) const {
    const std::uint32_t end = first + count;
    for (auto at = first_beyond(extents_, first); at != extents_.end() && at->first < end; ++at) {
        const std::uint32_t from = std::max(at->first, first);
        const std::uint32_t to = std::min(at->first + at->count, end);
        out.push_back({from, to - from, at->disk + (from - at->first)});
    }
}

bool extent_map::restore(std::vector<chunk_extent> extents, std::vector<std::uint32_t> crcs,
                         std::vector<cut_block> cuts) {
    std::uint64_t end = 0;
    bool good = crcs.size() <= max_chunk / block_size;
    for (const chunk_extent& e : extents) {
        good = good && e.count != 0 && e.first >= end;
        end = std::uint64_t{e.first} + e.count;
    }
    good = good && end <= crcs.size();
    for (const cut_block& c : cuts) {
        good = good && c.block < crcs.size() && c.valid != 0 && c.valid < block_size;
    }
    *this = {};
    if (!good) { return false; }
    extents_ = std::move(extents);
    crcs_ = std::move(crcs);
    cuts_ = std::move(cuts);
    return true;
}

std::uint32_t extent_map::valid_bytes(std::uint32_t block) const noexcept {
    for (const cut_block& c : cuts_) {
        if (c.block == block) { return c.valid; }
    }
    return block_size;
}

} // namespace benchfs::storage
