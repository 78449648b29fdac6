#include "benchfs/metadata/inode_table.hpp"

namespace benchfs::metadata {

// mix64 is a bijection, so the hash alone tells two ids apart.
struct inode_table::records {
    using key = file_id;
    paged_pool<record>& pool;

    [[nodiscard]] static std::uint64_t hash(file_id id) noexcept { return mix64(id.value); }
    [[nodiscard]] std::uint64_t hash_of(record_ref ref) const noexcept { return hash(pool[ref].attr.id); }
    [[nodiscard]] static int order(std::uint64_t a, std::uint64_t b) noexcept { return a < b ? -1 : a > b; }
    [[nodiscard]] int compare(record_ref ref, file_id id) const noexcept {
        return order(hash_of(ref), hash(id));
    }
    [[nodiscard]] int compare(record_ref a, record_ref b) const noexcept {
        return order(hash_of(a), hash_of(b));
    }
    [[nodiscard]] record_ref& next(record_ref ref) const noexcept { return pool[ref].next; }
};

attributes* inode_table::find(file_id id) noexcept {
    const record_ref ref = index_.find(records{pool_}, id);
    return ref == 0 ? nullptr : &pool_[ref].attr;
}

const attributes* inode_table::find(file_id id) const noexcept {
    return const_cast<inode_table*>(this)->find(id);
}

const attributes* inode_table::after(file_id id) noexcept {
    const attributes* found = nullptr;
    index_.walk(records{pool_}, id.valid() ? &id : nullptr, [&](record_ref ref) {
        found = &pool_[ref].attr;
        return false;
    });
    return found;
}

attributes& inode_table::put(const attributes& value) {
    if (attributes* existing = find(value.id)) {
        *existing = value;
        return *existing;
    }
    const record_ref ref = pool_.allocate();
    pool_[ref].attr = value;
    records all{pool_};
    index_.insert(all, ref);
    return pool_[ref].attr;
}

bool inode_table::erase(file_id id) noexcept {
    records all{pool_};
    const record_ref ref = index_.erase(all, id);
    if (ref == 0) { return false; }
    pool_.free(ref);
    return true;
}

} // namespace benchfs::metadata
