#include "benchfs/storage/memory_pool.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/runtime/huge_pages.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14; older C libraries don't name it
#endif

namespace benchfs::storage {
namespace {

using runtime::huge_page_size;

// Smaller arenas are for tests and toys: steps of a whole huge page would be most of them.
constexpr std::uint64_t smallest_huge_arena = 32 * huge_page_size;
constexpr std::uint32_t granules_per_huge_page = huge_page_size / granule_size;
// What a look at the windows has to wait for: about 25 us.
constexpr std::uint32_t granules_per_small_step = 2;

std::byte* reserve(std::uint64_t bytes, int protection) {
    void* at = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

} // namespace

result<std::unique_ptr<memory_pool>> memory_pool::create(std::uint64_t limit, std::uint64_t ahead) {
    // block_ref counts 4 KiB units in 32 bits: 16 TiB.
    const std::uint64_t most = (std::uint64_t{no_block} * unit) / granule_size - 1;
    const std::uint64_t granules = std::clamp<std::uint64_t>(limit / granule_size, 1, most);
    auto pool = std::unique_ptr<memory_pool>(new memory_pool());
    pool->granules_ = static_cast<std::uint32_t>(granules);
    // One huge page more, so that the arena can begin with one.
    pool->mapped_ = granules * granule_size + huge_page_size;
    pool->mapping_ = reserve(pool->mapped_, PROT_READ | PROT_WRITE);
    pool->zeros_ = reserve(granule_size, PROT_READ);
    pool->info_.reset(static_cast<granule_info*>(std::calloc(granules, sizeof(granule_info))));
    pool->pins_.reset(
        static_cast<std::uint32_t*>(std::calloc(granules * units_per_granule, sizeof(std::uint32_t))));
    if (pool->mapping_ == nullptr || pool->zeros_ == nullptr || !pool->info_ || !pool->pins_) {
        BFS_LOG_ERROR("storage",
                      "cannot reserve %llu MiB of address space for chunks: %s; lower the memory limit "
                      "or raise `ulimit -v`",
                      static_cast<unsigned long long>(granules * granule_size / MiB), std::strerror(errno));
        return errc::no_memory;
    }
    pool->place_arena();
    pool->ahead_ = ahead;
    return pool;
}

memory_pool::~memory_pool() {
    if (mapping_ != nullptr) { ::munmap(mapping_, mapped_); }
    if (zeros_ != nullptr) { ::munmap(zeros_, granule_size); }
}

void memory_pool::place_arena() noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(mapping_);
    arena_ = mapping_ + (huge_page_size - at % huge_page_size) % huge_page_size;
    const std::uint64_t bytes = granules_ * std::uint64_t{granule_size};
    step_ = granules_per_small_step;
    if (bytes < smallest_huge_arena) { return; }
    if (runtime::use_huge_pages(arena_, bytes)) {
        step_ = granules_per_huge_page;
    } else {
        BFS_LOG_INFO(
            "storage",
            "no transparent huge pages (/sys/kernel/mm/transparent_hugepage/enabled): bulk transfers may "
            "take twice the time; `madvise` or `always` there helps");
    }
}

bool memory_pool::populate(std::uint32_t first, std::uint32_t count) noexcept {
    std::byte* from = arena_ + first * std::uint64_t{granule_size};
    const std::size_t bytes = count * std::size_t{granule_size};
    if (::madvise(from, bytes, MADV_POPULATE_WRITE) == 0) { return true; }
    if (errno != EINVAL) { return false; }
    // An older kernel. The arena is fresh here: zero over zero changes nothing.
    for (std::size_t at = 0; at < bytes; at += unit) {
        *static_cast<volatile std::byte*>(from + at) = std::byte{0};
    }
    return true;
}

bool memory_pool::populate_step() noexcept {
    const std::uint32_t count = std::min(step_, granules_ - warm_end_);
    if (!populate(warm_end_, count)) { return false; }
    warm_end_ += count;
    return true;
}

bool memory_pool::warm_step() noexcept {
    if (warm_failed_ || warm_end_ == granules_ || warm_free() >= ahead_) { return false; }
    if (!populate_step()) {
        warm_failed_ = true;
        BFS_LOG_WARN("storage",
                     "cannot touch chunk memory ahead of need: %s; the machine has less memory than the "
                     "limit of this store",
                     std::strerror(errno));
        return false;
    }
    return warm_end_ != granules_ && warm_free() < ahead_;
}

std::uint32_t memory_pool::take_granule() noexcept {
    if (free_head_ != none) {
        const std::uint32_t g = free_head_;
        free_head_ = info_[g].next;
        --free_count_;
        return g;
    }
    if (fresh_ == granules_) { return none; }
    if (fresh_ == warm_end_) {
        // One call is cheaper than a fault for each page.
        if (!populate_step()) { return none; }
    }
    return fresh_++;
}

void memory_pool::free_granule(std::uint32_t g) noexcept {
    info_[g].units = 0;
    info_[g].taken = 0;
    info_[g].next = free_head_;
    free_head_ = g;
    ++free_count_;
}

void memory_pool::link_partial(std::uint32_t g) noexcept {
    std::uint32_t& head = partial_head(info_[g].units);
    info_[g].prev = none;
    info_[g].next = head;
    if (head != none) { info_[head].prev = g; }
    head = g;
}

void memory_pool::unlink_partial(std::uint32_t g) noexcept {
    granule_info& info = info_[g];
    if (info.prev != none) {
        info_[info.prev].next = info.next;
    } else {
        partial_head(info.units) = info.next;
    }
    if (info.next != none) { info_[info.next].prev = info.prev; }
}

block_ref memory_pool::take_small(std::uint32_t units) noexcept {
    std::uint32_t g = partial_head(units);
    if (g == none) {
        g = take_granule();
        if (g == none) { return no_block; }
        info_[g].units = static_cast<std::uint16_t>(units);
        info_[g].taken = 0;
        link_partial(g);
    }
    granule_info& info = info_[g];
    const std::uint32_t per_granule = units_per_granule / units;
    const auto free_bits = static_cast<std::uint32_t>(~info.taken) & ((1U << per_granule) - 1);
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(free_bits));
    info.taken = static_cast<std::uint16_t>(info.taken | 1U << slot);
    if ((free_bits & (free_bits - 1)) == 0) { unlink_partial(g); } // that was the last one
    return g * units_per_granule + slot * units;
}

block_ref memory_pool::take(std::size_t bytes) noexcept {
    BFS_ASSERT(bytes <= granule_size);
    block_ref block = no_block;
    if (bytes <= 4 * unit) {
        block = take_small(bytes <= unit ? 1 : 4);
    } else if (const std::uint32_t g = take_granule(); g != none) {
        info_[g].units = units_per_granule;
        info_[g].taken = 1;
        block = g * units_per_granule;
    }
    if (block != no_block) { used_ += size(block); }
    return block;
}

void memory_pool::free(block_ref block) noexcept {
    BFS_ASSERT((pins_[block] & dead) == 0);
    if (pins_[block] != 0) {
        pins_[block] |= dead;
    } else {
        really_free(block);
    }
}

void memory_pool::unpin(block_ref block) noexcept {
    BFS_ASSERT(pinned(block));
    if (--pins_[block] == dead) {
        pins_[block] = 0;
        really_free(block);
    }
}

void memory_pool::really_free(block_ref block) noexcept {
    const std::uint32_t g = block / units_per_granule;
    granule_info& info = info_[g];
    const std::uint32_t units = info.units;
    used_ -= units * std::uint64_t{unit};
    if (units == units_per_granule) {
        free_granule(g);
        return;
    }
    const std::uint32_t all = (1U << (units_per_granule / units)) - 1;
    const bool was_full = info.taken == all;
    info.taken = static_cast<std::uint16_t>(info.taken & ~(1U << (block % units_per_granule / units)));
    if (was_full) { link_partial(g); }
    if (info.taken == 0) {
        unlink_partial(g);
        free_granule(g);
    }
}

std::uint32_t memory_pool::size(block_ref block) const noexcept {
    return info_[block / units_per_granule].units * unit;
}

block_ref memory_pool::block_of(const std::byte* address) const noexcept {
    if (address < arena_ || address >= arena_ + granules_ * std::uint64_t{granule_size}) { return no_block; }
    const auto at = static_cast<std::uint64_t>(address - arena_);
    const auto g = static_cast<std::uint32_t>(at / granule_size);
    const auto within = static_cast<std::uint32_t>(at % granule_size / unit);
    return g * units_per_granule + within / info_[g].units * info_[g].units;
}

pool_stats memory_pool::stats() const noexcept {
    return {used_, granules_ * std::uint64_t{granule_size}, warm_free()};
}

namespace {

/// The first number in a file after `label`; `otherwise` when there is none.
std::uint64_t number_in(const char* file, const char* label, std::uint64_t otherwise) noexcept {
    std::FILE* in = std::fopen(file, "re");
    if (in == nullptr) { return otherwise; }
    char line[256];
    unsigned long long value = 0;
    bool found = false;
    while (!found && std::fgets(line, sizeof line, in) != nullptr) {
        const std::size_t n = std::strlen(label);
        found = std::strncmp(line, label, n) == 0 && std::sscanf(line + n, "%llu", &value) == 1;
    }
    std::fclose(in);
    return found ? value : otherwise;
}

} // namespace

std::uint64_t available_memory() noexcept {
    const std::uint64_t machine = number_in("/proc/meminfo", "MemAvailable:", 1 * MiB) * KiB;
    return std::min(machine, number_in("/sys/fs/cgroup/memory.max", "", ~std::uint64_t{0}));
}

} // namespace benchfs::storage
