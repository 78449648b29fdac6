#include "benchfs/metadata/dentry_table.hpp"

#include "benchfs/base/hash.hpp"

namespace benchfs::metadata {

std::uint64_t default_name_hash(file_id parent, std::string_view name) { return hash64(name, parent.value); }

struct dentry_table::directory_records {
    using key = file_id;
    paged_pool<directory>& pool;

    [[nodiscard]] static std::uint64_t hash(file_id id) noexcept { return mix64(id.value); }
    [[nodiscard]] std::uint64_t hash_of(record_ref ref) const noexcept { return hash(pool[ref].id); }
    [[nodiscard]] static int order(std::uint64_t a, std::uint64_t b) noexcept { return a < b ? -1 : a > b; }
    [[nodiscard]] int compare(record_ref ref, file_id id) const noexcept {
        return order(hash_of(ref), hash(id));
    }
    [[nodiscard]] int compare(record_ref a, record_ref b) const noexcept {
        return order(hash_of(a), hash_of(b));
    }
    [[nodiscard]] record_ref& next(record_ref ref) const noexcept { return pool[ref].next; }
};

directory* dentry_table::find_directory(file_id id) noexcept {
    const record_ref ref = by_id_.find(directory_records{pool_}, id);
    return ref == 0 ? nullptr : &pool_[ref];
}

const directory* dentry_table::find_directory(file_id id) const noexcept {
    return const_cast<dentry_table*>(this)->find_directory(id);
}

const directory* dentry_table::directory_after(file_id id) noexcept {
    const directory* found = nullptr;
    by_id_.walk(directory_records{pool_}, id.valid() ? &id : nullptr, [&](record_ref ref) {
        found = &pool_[ref];
        return false;
    });
    return found;
}

void dentry_table::put_directory(file_id id, file_id parent) {
    if (directory* existing = find_directory(id)) {
        existing->parent = parent;
        return;
    }
    const record_ref ref = pool_.allocate();
    pool_[ref].id = id;
    pool_[ref].parent = parent;
    directory_records all{pool_};
    by_id_.insert(all, ref);
}

void dentry_table::erase_directory(file_id id) noexcept {
    directory_records all{pool_};
    const record_ref ref = by_id_.erase(all, id);
    if (ref == 0) { return; }
    BFS_ASSERT(pool_[ref].entries.size() == 0);
    pool_.free(ref);
}

const dentry* dentry_table::find(const directory& in, std::string_view name) const noexcept {
    const record_ref ref = in.entries.find(records(), key_of(in, name));
    return ref == 0 ? nullptr : &names_[ref];
}

void dentry_table::put(directory& in, std::string_view name, file_id child, file_type type) {
    entry_records all = records();
    const name_key key = key_of(in, name);
    record_ref ref = in.entries.find(all, key);
    const bool is_new = ref == 0;
    if (is_new) { ref = names_.allocate(name); }
    dentry& entry = names_[ref];
    entry.child = child;
    entry.type_byte = static_cast<std::uint8_t>(type);
    if (!is_new) { return; }
    entry.hash = key.hash;
    index_bytes_ -= in.entries.bytes();
    in.entries.insert(all, ref);
    index_bytes_ += in.entries.bytes();
}

bool dentry_table::erase(directory& in, std::string_view name) noexcept {
    entry_records all = records();
    index_bytes_ -= in.entries.bytes();
    const record_ref ref = in.entries.erase(all, key_of(in, name));
    index_bytes_ += in.entries.bytes();
    if (ref == 0) { return false; }
    names_.free(ref);
    return true;
}

} // namespace benchfs::metadata
