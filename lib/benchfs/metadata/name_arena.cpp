#include "benchfs/metadata/name_arena.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace benchfs::metadata {

record_ref name_arena::allocate(std::string_view name) {
    BFS_ASSERT(!name.empty() && name.size() <= name_max);
    const std::size_t units = units_for(name.size());
    record_ref ref = free_[units];
    if (ref != 0) {
        free_[units] = (*this)[ref].next;
    } else {
        if (fresh_units_ < units) { add_block(); }
        ref = fresh_;
        fresh_ += static_cast<record_ref>(units);
        fresh_units_ -= units;
    }
    dentry* entry = ::new (static_cast<void*>(at(ref))) dentry;
    entry->name_size = static_cast<std::uint8_t>(name.size());
    std::memcpy(at(ref) + sizeof(dentry), name.data(), name.size());
    ++used_;
    return ref;
}

void name_arena::free(record_ref ref) noexcept {
    keep(ref, units_for((*this)[ref].name_size));
    --used_;
}

void name_arena::keep(record_ref ref, std::size_t units) noexcept {
    dentry* entry = ::new (static_cast<void*>(at(ref))) dentry;
    entry->next = free_[units];
    free_[units] = ref;
}

void name_arena::add_block() {
    BFS_ASSERT(blocks_.size() < most_blocks);
    // The rest of the old block serves a shorter name later; under four units it is lost.
    if (fresh_units_ >= least_units + 1) { keep(fresh_, std::min(fresh_units_, most_units)); }
    const auto base = static_cast<record_ref>(blocks_.size()) * block_units;
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_units * unit));
    const record_ref skipped = base == 0 ? 1 : 0; // reference 0 names nothing
    fresh_ = base + skipped;
    fresh_units_ = block_units - skipped;
}

std::size_t name_arena::bytes() const noexcept {
    return blocks_.size() * block_units * unit + blocks_.capacity() * sizeof(blocks_[0]) + sizeof(*this);
}

} // namespace benchfs::metadata
