// The inodes of one server, by id. At most 128 bytes each with the index.
#pragma once

#include "benchfs/metadata/inode.hpp"
#include "benchfs/metadata/ordered_index.hpp"
#include "benchfs/metadata/paged_pool.hpp"

namespace benchfs::metadata {

class inode_table {
public:
    /// nullptr if there is none. Valid until the inode is erased.
    [[nodiscard]] attributes* find(file_id id) noexcept;
    [[nodiscard]] const attributes* find(file_id id) const noexcept;

    /// The inode after this id, in the order of the table (the id need not exist; an invalid one: the first);
    /// nullptr at the end. One that is there throughout a walk is seen exactly once.
    [[nodiscard]] const attributes* after(file_id id) noexcept;

    /// Inserts the inode or replaces the attributes of the one with this id.
    attributes& put(const attributes& value);
    /// False if there is none.
    bool erase(file_id id) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return pool_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return pool_.bytes() + index_.bytes(); }

private:
    struct record {
        attributes attr;
        record_ref next = 0;
    };
    struct records;

    paged_pool<record> pool_;
    ordered_index index_;
};

} // namespace benchfs::metadata
