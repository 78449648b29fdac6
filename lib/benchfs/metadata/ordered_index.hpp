// A hash table whose order is the order of the hashes, so that it answers both "where is this key" in O(1) and
// "what comes after this key" without sorting.
//
// The bucket of a record is the top bits of its hash and each bucket is a sorted chain through the records
// themselves: 4 to 12 bytes a record. It grows two buckets at an insert, so no single insert stalls the loop
// for a directory of millions. The index owns its buckets, not the records; an empty one holds no memory.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/metadata/paged_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace benchfs::metadata {

/// The records of an index, given to each call because an index must stay small (there is one per directory):
///   using key = ...;
///   std::uint64_t hash(const key&) const;
///   std::uint64_t hash_of(record_ref) const;
///   int compare(record_ref, const key&) const;   // by (hash, key): <0, 0, >0
///   int compare(record_ref, record_ref) const;
///   record_ref next(record_ref) const;  record_ref& next(record_ref);
class ordered_index {
public:
    [[nodiscard]] std::uint32_t size() const noexcept { return count_; }

    [[nodiscard]] std::size_t bytes() const noexcept {
        if (!buckets_) { return 0; }
        return (sizeof(record_ref) << bits_) + (larger_ ? sizeof(record_ref) << (bits_ + 1U) : 0);
    }

    /// The record with this key, or 0.
    template <class Records>
    [[nodiscard]] record_ref find(const Records& records, const typename Records::key& key) const noexcept {
        if (count_ == 0) { return 0; }
        for (record_ref ref = head(records.hash(key)); ref != 0; ref = records.next(ref)) {
            const int order = records.compare(ref, key);
            if (order == 0) { return ref; }
            if (order > 0) { break; }
        }
        return 0;
    }

    /// Links a record whose key is not in the index. O(1); allocates when the table doubles.
    template <class Records>
    void insert(Records& records, record_ref ref) {
        if (!buckets_) {
            buckets_ = make_buckets(first_bits);
            bits_ = first_bits;
        }
        record_ref* link = &head(records.hash_of(ref));
        while (*link != 0 && records.compare(*link, ref) < 0) { link = &records.next(*link); }
        records.next(ref) = *link;
        *link = ref;
        ++count_;
        grow_a_little(records);
    }

    /// Unlinks the record with this key and returns it, or 0. The last one to go takes the buckets with it.
    template <class Records>
    record_ref erase(Records& records, const typename Records::key& key) noexcept {
        if (count_ == 0) { return 0; }
        for (record_ref* link = &head(records.hash(key)); *link != 0; link = &records.next(*link)) {
            const int order = records.compare(*link, key);
            if (order > 0) { break; }
            if (order < 0) { continue; }
            const record_ref ref = std::exchange(*link, records.next(*link));
            if (--count_ == 0) { *this = ordered_index{}; }
            return ref;
        }
        return 0;
    }

    /// Calls visit(ref) for each record in order, after `after` if it is not nullptr (that key need not exist),
    /// until it returns false. The visitor must not change the index.
    template <class Records, class F>
    void walk(const Records& records, const typename Records::key* after, F&& visit) const {
        if (count_ == 0) { return; }
        const std::uint64_t first = after == nullptr ? 0 : top(records.hash(*after), bits_);
        for (std::uint64_t i = first; i < std::uint64_t{1} << bits_; ++i) {
            const typename Records::key* skip = i == first ? after : nullptr;
            if (larger_ && i < split_) {
                if (!walk_chain(records, larger_[2 * i], skip, visit)) { return; }
                if (!walk_chain(records, larger_[2 * i + 1], skip, visit)) { return; }
            } else if (!walk_chain(records, buckets_[i], skip, visit)) {
                return;
            }
        }
    }

private:
    static constexpr std::uint8_t first_bits = 2;
    static constexpr std::uint8_t most_bits = 31;

    struct free_buckets {
        void operator()(record_ref* p) const noexcept { std::free(p); }
    };
    using buckets = std::unique_ptr<record_ref[], free_buckets>;

    // calloc: a large table comes as untouched zero pages, which are paid for bucket by bucket.
    static buckets make_buckets(unsigned bits) {
        auto* raw = static_cast<record_ref*>(std::calloc(std::size_t{1} << bits, sizeof(record_ref)));
        if (raw == nullptr) { throw std::bad_alloc(); }
        return buckets(raw);
    }

    static std::uint64_t top(std::uint64_t hash, unsigned bits) noexcept { return hash >> (64U - bits); }

    [[nodiscard]] record_ref& head(std::uint64_t hash) const noexcept {
        const std::uint64_t i = top(hash, bits_);
        return larger_ && i < split_ ? larger_[top(hash, bits_ + 1U)] : buckets_[i];
    }

    template <class Records, class F>
    static bool walk_chain(const Records& records, record_ref ref, const typename Records::key* after,
                           F& visit) {
        for (; ref != 0; ref = records.next(ref)) {
            if (after != nullptr && records.compare(ref, *after) <= 0) { continue; }
            if (!visit(ref)) { return false; }
        }
        return true;
    }

    template <class Records>
    void grow_a_little(Records& records) {
        if (!larger_) {
            if (count_ >> bits_ == 0 || bits_ == most_bits) { return; }
            larger_ = make_buckets(bits_ + 1U);
            split_ = 0;
        }
        for (int moved = 0; moved < 2 && split_ >> bits_ == 0; ++moved) { split_one(records); }
        if (split_ >> bits_ == 0) { return; }
        buckets_ = std::move(larger_);
        ++bits_;
    }

    // A chain is sorted, so its lower half is its front.
    template <class Records>
    void split_one(Records& records) noexcept {
        record_ref* link = &buckets_[split_];
        while (*link != 0 && (top(records.hash_of(*link), bits_ + 1U) & 1U) == 0) {
            link = &records.next(*link);
        }
        larger_[2 * std::size_t{split_} + 1] = std::exchange(*link, 0);
        larger_[2 * std::size_t{split_}] = std::exchange(buckets_[split_], 0);
        ++split_;
    }

    buckets buckets_;
    buckets larger_; // while growing: takes over buckets_[0 .. split_)
    std::uint32_t split_ = 0;
    std::uint32_t count_ = 0;
    std::uint8_t bits_ = 0;
};

} // namespace benchfs::metadata
