// What an operation changes, as absolute values: the seam for the write-ahead log.
//
// A name_space applies each change to its own tables and tells its sink. Whoever runs an operation puts the
// changes it made into one frame of the log; applying the same changes again, in the same order, to empty
// tables gives the same namespace (`name_space::replay`).
#pragma once

#include "benchfs/metadata/inode.hpp"

#include <cstdint>
#include <string_view>

namespace benchfs::metadata {

/// Called synchronously while an operation runs; must not call back into the name_space. Every value is
/// complete and absolute, so a change that is applied twice does no harm.
class change_sink {
public:
    virtual ~change_sink() = default;

    /// The inode now has these attributes; it may be new.
    virtual void inode_set(const attributes& now) = 0;
    virtual void inode_removed(file_id id) = 0;
    /// The name in this directory now means this file or directory; it may have meant another one.
    virtual void dentry_set(file_id parent, std::string_view name, file_id child, file_type type) = 0;
    virtual void dentry_removed(file_id parent, std::string_view name) = 0;
    /// The directory exists and lies in this parent.
    virtual void directory_set(file_id id, file_id parent) = 0;
    virtual void directory_removed(file_id id) = 0;
    /// Every counter of an id below this one may have been given out.
    virtual void ids_reserved(std::uint64_t below) = 0;
};

/// Keeps nothing: for servers whose namespace ends with their process (memory engine) and for tests.
class null_change_sink final : public change_sink {
public:
    void inode_set(const attributes&) override {}
    void inode_removed(file_id) override {}
    void dentry_set(file_id, std::string_view, file_id, file_type) override {}
    void dentry_removed(file_id, std::string_view) override {}
    void directory_set(file_id, file_id) override {}
    void directory_removed(file_id) override {}
    void ids_reserved(std::uint64_t) override {}
};

} // namespace benchfs::metadata
