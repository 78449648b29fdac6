// The directories that one server knows and the entries of them that live on it: (directory, name) -> file id.
//
// Every directory has an index of its own, so a lookup is two hash probes and listing a directory looks at
// nothing else. Entries are listed by (hash, name), the same order on every server, so a list of all servers is
// a merge. At most 72 bytes and the name for an entry.
#pragma once

#include "benchfs/metadata/name_arena.hpp"
#include "benchfs/metadata/ordered_index.hpp"
#include "benchfs/metadata/paged_pool.hpp"

#include <cstdint>
#include <string_view>

namespace benchfs::metadata {

/// Orders the entries of a directory. Tests give a weak one to see collisions.
using name_hash = std::uint64_t (*)(file_id parent, std::string_view name);

/// xxHash64 of the name, seeded with the directory: also what placement hashes.
[[nodiscard]] std::uint64_t default_name_hash(file_id parent, std::string_view name);

/// A directory and its index of entries. Owned by the dentry_table.
struct directory {
    file_id id;
    file_id parent; // of the root: itself
    ordered_index entries;
    record_ref next = 0;
};

class dentry_table {
public:
    explicit dentry_table(name_hash hash = default_name_hash) noexcept : hash_(hash) {}

    /// nullptr if this server knows no such directory. Valid until it is removed.
    [[nodiscard]] directory* find_directory(file_id id) noexcept;
    [[nodiscard]] const directory* find_directory(file_id id) const noexcept;
    /// The directory after this id, in the order of the table, like inode_table::after().
    [[nodiscard]] const directory* directory_after(file_id id) noexcept;
    /// Adds an empty directory, or gives an existing one this parent.
    void put_directory(file_id id, file_id parent);
    /// The directory must be empty; nothing happens if there is none.
    void erase_directory(file_id id) noexcept;

    /// The entry with this name, or nullptr. Valid until it is erased.
    [[nodiscard]] const dentry* find(const directory& in, std::string_view name) const noexcept;
    /// Inserts the entry or replaces what the existing one refers to.
    void put(directory& in, std::string_view name, file_id child, file_type type);
    /// False if there is none.
    bool erase(directory& in, std::string_view name) noexcept;

    /// Calls visit(name, entry) in order, for the names after `after` (empty: from the first one; that name
    /// need not exist any more) until it returns false. The visitor must not change the table.
    template <class F>
    void list(const directory& in, std::string_view after, F&& visit) const;

    /// No room for another entry.
    [[nodiscard]] bool full() const noexcept { return names_.full(); }
    [[nodiscard]] std::size_t entries() const noexcept { return names_.size(); }
    [[nodiscard]] std::size_t directories() const noexcept { return pool_.size(); }
    /// Memory of entries and their indexes.
    [[nodiscard]] std::size_t entry_bytes() const noexcept { return names_.bytes() + index_bytes_; }
    /// Memory of the directories themselves.
    [[nodiscard]] std::size_t directory_bytes() const noexcept { return pool_.bytes() + by_id_.bytes(); }

private:
    struct name_key {
        std::uint64_t hash;
        std::string_view name;
    };
    // What ordered_index wants to know about entries.
    struct entry_records {
        using key = name_key;
        name_arena& names;

        [[nodiscard]] static std::uint64_t hash(const name_key& k) noexcept { return k.hash; }
        [[nodiscard]] std::uint64_t hash_of(record_ref ref) const noexcept { return names[ref].hash; }
        [[nodiscard]] int compare(record_ref ref, const name_key& k) const noexcept {
            const std::uint64_t mine = names[ref].hash;
            if (mine != k.hash) { return mine < k.hash ? -1 : 1; }
            return names.name(ref).compare(k.name);
        }
        [[nodiscard]] int compare(record_ref a, record_ref b) const noexcept {
            return compare(a, name_key{names[b].hash, names.name(b)});
        }
        [[nodiscard]] record_ref& next(record_ref ref) const noexcept { return names[ref].next; }
    };
    struct directory_records;

    [[nodiscard]] entry_records records() const noexcept { return {const_cast<name_arena&>(names_)}; }
    [[nodiscard]] name_key key_of(const directory& in, std::string_view name) const noexcept {
        return {hash_(in.id, name), name};
    }

    name_hash hash_;
    name_arena names_;
    paged_pool<directory> pool_;
    ordered_index by_id_;
    std::size_t index_bytes_ = 0; // sum over all directories
};

template <class F>
void dentry_table::list(const directory& in, std::string_view after, F&& visit) const {
    const auto show = [&](record_ref ref) { return visit(names_.name(ref), names_[ref]); };
    if (after.empty()) {
        in.entries.walk(records(), nullptr, show);
    } else {
        const name_key from = key_of(in, after);
        in.entries.walk(records(), &from, show);
    }
}

} // namespace benchfs::metadata
