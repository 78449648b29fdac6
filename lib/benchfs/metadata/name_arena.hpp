// Directory entries with their names behind them, packed into blocks and named by 32-bit references.
//
// Freed room is kept by size (multiples of 8 bytes) and reused for names of about the same length; blocks stay.
#pragma once

#include "benchfs/base/path.hpp"
#include "benchfs/metadata/inode.hpp"
#include "benchfs/metadata/paged_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace benchfs::metadata {

/// One directory entry; the bytes of its name follow it.
struct dentry {
    file_id child;
    std::uint64_t hash;
    record_ref next; // in its directory's index, or among the free ones
    std::uint8_t type_byte;
    std::uint8_t name_size;

    [[nodiscard]] file_type type() const noexcept { return static_cast<file_type>(type_byte); }
};
static_assert(sizeof(dentry) == 24 && name_max <= UINT8_MAX);

class name_arena {
public:
    /// A new entry with this name (1 to name_max bytes); its other members are unset.
    [[nodiscard]] record_ref allocate(std::string_view name);
    void free(record_ref ref) noexcept;

    [[nodiscard]] dentry& operator[](record_ref ref) noexcept { return *reinterpret_cast<dentry*>(at(ref)); }
    [[nodiscard]] const dentry& operator[](record_ref ref) const noexcept {
        return *reinterpret_cast<const dentry*>(at(ref));
    }
    /// Refers into the arena until the entry is freed.
    [[nodiscard]] std::string_view name(record_ref ref) const noexcept {
        return {reinterpret_cast<const char*>(at(ref)) + sizeof(dentry), (*this)[ref].name_size};
    }

    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    /// 32 GiB are in use and references are running out: allocate nothing more.
    [[nodiscard]] bool full() const noexcept { return blocks_.size() == most_blocks; }
    /// Memory held, free room included.
    [[nodiscard]] std::size_t bytes() const noexcept;

private:
    static constexpr std::size_t unit = 8; // what a reference counts
    static constexpr std::uint32_t block_units = 8192;
    static constexpr std::size_t most_blocks = UINT32_MAX / block_units;
    static constexpr std::size_t least_units = sizeof(dentry) / unit;
    static constexpr std::size_t most_units = (sizeof(dentry) + name_max + unit - 1) / unit;

    static std::size_t units_for(std::size_t name_size) noexcept {
        return (sizeof(dentry) + name_size + unit - 1) / unit;
    }
    [[nodiscard]] std::byte* at(record_ref ref) const noexcept {
        return blocks_[ref / block_units].get() + ref % block_units * unit;
    }
    void add_block();
    void keep(record_ref ref, std::size_t units) noexcept;

    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    record_ref fresh_ = 0;        // the untouched rest of the last block
    std::size_t fresh_units_ = 0; // and its size
    std::array<record_ref, most_units + 1> free_{};
    std::size_t used_ = 0;
};

} // namespace benchfs::metadata
