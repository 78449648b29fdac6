// Fixed-size records in pages, named by 32-bit references: no allocation and no 8-byte pointer per record.
//
// References and addresses are stable until the record is freed. Pages are kept for reuse; the peak is what the
// pool holds.
#pragma once

#include "benchfs/base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace benchfs::metadata {

/// 0 names no record.
using record_ref = std::uint32_t;

/// T is default-constructible and movable and has a member `record_ref next`, which links free records.
template <class T>
class paged_pool {
public:
    [[nodiscard]] record_ref allocate() {
        if (free_ == 0) { grow(); }
        const record_ref ref = free_;
        free_ = (*this)[ref].next;
        (*this)[ref].next = 0;
        ++used_;
        return ref;
    }

    void free(record_ref ref) noexcept {
        (*this)[ref] = T{};
        (*this)[ref].next = free_;
        free_ = ref;
        --used_;
    }

    [[nodiscard]] T& operator[](record_ref ref) noexcept {
        return pages_[ref / page_records][ref % page_records];
    }
    [[nodiscard]] const T& operator[](record_ref ref) const noexcept {
        return pages_[ref / page_records][ref % page_records];
    }

    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    /// Memory held, free records included.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return pages_.size() * page_records * sizeof(T) + pages_.capacity() * sizeof(pages_[0]);
    }

private:
    static constexpr std::uint32_t page_records = 512;

    void grow() {
        BFS_ASSERT(pages_.size() < UINT32_MAX / page_records);
        const auto base = static_cast<std::uint32_t>(pages_.size()) * page_records;
        pages_.push_back(std::make_unique<T[]>(page_records));
        for (std::uint32_t i = page_records; i-- > (base == 0 ? 1U : 0U);) {
            pages_.back()[i].next = free_;
            free_ = base + i;
        }
    }

    std::vector<std::unique_ptr<T[]>> pages_;
    record_ref free_ = 0;
    std::size_t used_ = 0;
};

} // namespace benchfs::metadata
