#include "benchfs/storage/memory_granule.hpp"

#include <bit>
#include <cstring>

namespace benchfs::storage {
namespace {

constexpr std::uint32_t unit = 4096;

using mask = std::uint32_t;

constexpr mask bits(std::uint32_t first, std::uint32_t end) noexcept {
    return first >= end ? 0 : ((1U << end) - 1) & ~((1U << first) - 1);
}
constexpr mask touched_by(granule_range r) noexcept { return bits(r.from / unit, (r.to + unit - 1) / unit); }
constexpr mask covered_by(granule_range r) noexcept { return bits((r.from + unit - 1) / unit, r.to / unit); }
constexpr std::uint16_t narrow(mask m) noexcept { return static_cast<std::uint16_t>(m); }

template <class F>
void each_bit(mask m, F&& visit) {
    for (; m != 0; m &= m - 1) { visit(static_cast<std::uint32_t>(std::countr_zero(m))); }
}

void zero(memory_pool& pool, granule& g, mask blocks) noexcept {
    each_bit(blocks, [&](std::uint32_t i) { std::memset(pool.data(g.block) + i * unit, 0, unit); });
    g.init = narrow(g.init | blocks);
}

/// Moves what is initialised to another block; writers and readers of the old one keep that until they are
/// done.
bool replace(memory_pool& pool, granule& g, std::size_t bytes) noexcept {
    const block_ref fresh = pool.take(bytes);
    if (fresh == no_block) { return false; }
    each_bit(g.init, [&](std::uint32_t i) {
        std::memcpy(pool.data(fresh) + i * unit, pool.data(g.block) + i * unit, unit);
    });
    pool.free(g.block);
    g.block = fresh;
    g.raw = 0;
    return true;
}

bool ensure(memory_pool& pool, granule& g, std::uint32_t to, bool small) noexcept {
    const std::size_t want = small ? to : granule_size;
    if (g.block == no_block) {
        g = {pool.take(want), 0, 0};
        return g.block != no_block;
    }
    return pool.size(g.block) >= to || replace(pool, g, want);
}

bool in_place(const memory_pool& pool, const granule& g, granule_range r, const std::byte* data) noexcept {
    return g.block != no_block && pool.data(g.block) + r.from == data;
}

} // namespace

status granule_prepare(memory_pool& pool, granule& g, granule_range range, bool small, segments& out) {
    const mask touched = touched_by(range);
    if (g.block != no_block && pool.size(g.block) >= range.to && (touched & g.raw) != 0) {
        const block_ref own = pool.take(granule_size);
        if (own == no_block) { return errc::no_space; }
        pool.pin(own);
        pool.free(own); // really freed with the pin
        out.push({pool.data(own) + range.from, range.to - range.from});
        return ok();
    }
    if (!ensure(pool, g, range.to, small)) { return errc::no_space; }
    const mask unset = touched & ~mask{g.init};
    zero(pool, g, unset & ~covered_by(range));
    g.raw = narrow(g.raw | (unset & covered_by(range)));
    pool.pin(g.block);
    out.push({pool.data(g.block) + range.from, range.to - range.from});
    return ok();
}

status granule_commit(memory_pool& pool, granule& g, granule_range range, bool small, const std::byte* data) {
    const mask touched = touched_by(range);
    if (!in_place(pool, g, range, data)) {
        if (!ensure(pool, g, range.to, small)) { return errc::no_space; }
        // Another writer fills a block of this range: it loses its place and will copy too.
        if ((touched & g.raw) != 0 && !replace(pool, g, pool.size(g.block))) { return errc::no_space; }
        zero(pool, g, touched & ~mask{g.init} & ~covered_by(range));
        std::memcpy(pool.data(g.block) + range.from, data, range.to - range.from);
    }
    g.init = narrow(g.init | touched);
    g.raw = narrow(g.raw & ~touched);
    return ok();
}

void granule_abandon(memory_pool& pool, granule& g, granule_range range, const std::byte* data) noexcept {
    // In place, the raw blocks of the range are this writer's own: nobody else was let in.
    if (in_place(pool, g, range, data)) { g.raw = narrow(g.raw & ~covered_by(range)); }
}

void granule_trim(memory_pool& pool, granule& g, std::uint32_t valid) noexcept {
    if (g.block == no_block || pool.pinned(g.block)) { return; }
    BFS_ASSERT(g.raw == 0); // raw blocks are pinned by their writer
    const status cut = valid < granule_size ? granule_cut(pool, g, valid) : ok();
    BFS_ASSERT(cut); // it fails only for pinned blocks
    if (g.init == 0) { granule_clear(pool, g); }
}

status granule_read(memory_pool& pool, granule& g, granule_range range, std::size_t most, const_segments& out) {
    const auto hole = [&](std::uint32_t bytes) { out.push({pool.zeros(), bytes}); };
    const std::uint32_t have = g.block == no_block ? 0 : pool.size(g.block);
    const std::uint32_t end = have < range.to ? have : range.to;
    const mask touched = end > range.from ? touched_by({range.from, end}) : 0;
    if ((touched & g.init) == 0) {
        hole(range.to - range.from);
        return ok();
    }
    zero(pool, g, touched & ~mask{g.init} & ~mask{g.raw});
    const auto raw = static_cast<std::uint32_t>(std::popcount(touched & g.raw));
    if (raw != 0 && 2 * raw + 2 > most) {
        if (!replace(pool, g, have)) { return errc::no_memory; }
        zero(pool, g, touched & ~mask{g.init});
    }
    const std::byte* data = pool.data(g.block);
    for (std::uint32_t at = range.from; at < end;) {
        const bool unset = (g.raw >> (at / unit) & 1) != 0;
        std::uint32_t stop = at;
        while (stop < end && ((g.raw >> (stop / unit) & 1) != 0) == unset) { stop = (stop / unit + 1) * unit; }
        stop = stop < end ? stop : end;
        if (unset) {
            hole(stop - at);
        } else {
            pool.pin(g.block);
            out.push({data + at, stop - at});
        }
        at = stop;
    }
    if (end < range.to) { hole(range.to - end); }
    return ok();
}

status granule_cut(memory_pool& pool, granule& g, std::uint32_t at) {
    if (g.block == no_block || at >= pool.size(g.block)) { return ok(); }
    if (pool.pinned(g.block) && !replace(pool, g, pool.size(g.block))) { return errc::no_space; }
    if (at % unit != 0 && (g.init >> (at / unit) & 1) != 0) {
        std::memset(pool.data(g.block) + at, 0, unit - at % unit);
    }
    g.init = narrow(g.init & bits(0, (at + unit - 1) / unit));
    return ok();
}

void granule_clear(memory_pool& pool, granule& g) noexcept {
    if (g.block != no_block) { pool.free(g.block); }
    g = {};
}

} // namespace benchfs::storage
