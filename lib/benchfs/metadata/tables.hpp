// The state of one server's part of the namespace, and how each change acts on it.
//
// Operations change the tables through this interface only, so what they do and what a log replays is the same.
#pragma once

#include "benchfs/metadata/changes.hpp"
#include "benchfs/metadata/dentry_table.hpp"
#include "benchfs/metadata/id_allocator.hpp"
#include "benchfs/metadata/inode_table.hpp"

namespace benchfs::metadata {

class tables final : public change_sink {
public:
    tables(server_id self, std::uint64_t first_id, name_hash hash) : entries(hash), ids(self, first_id) {}

    void inode_set(const attributes& now) override {
        if (now.is_directory() && inodes.find(now.id) == nullptr) { ++directory_inodes; }
        inodes.put(now);
    }
    void inode_removed(file_id id) override {
        if (const attributes* gone = inodes.find(id); gone != nullptr && gone->is_directory()) {
            --directory_inodes;
        }
        inodes.erase(id);
    }
    void dentry_set(file_id parent, std::string_view name, file_id child, file_type type) override {
        if (directory* in = entries.find_directory(parent)) { entries.put(*in, name, child, type); }
    }
    void dentry_removed(file_id parent, std::string_view name) override {
        if (directory* in = entries.find_directory(parent)) { entries.erase(*in, name); }
    }
    void directory_set(file_id id, file_id parent) override { entries.put_directory(id, parent); }
    void directory_removed(file_id id) override { entries.erase_directory(id); }
    void ids_reserved(std::uint64_t below) override { ids.skip_to(below); }

    inode_table inodes;
    dentry_table entries;
    id_allocator ids;
    std::uint64_t directory_inodes = 0; // those of directories known from elsewhere are at their homes
};

} // namespace benchfs::metadata
