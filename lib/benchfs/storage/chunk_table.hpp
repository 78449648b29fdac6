// The table of chunks of one store: a hash table that never stalls to grow.
//
// Linear hashing: each insertion beyond the load splits one bucket, so ten million chunks cost no pause.
// Records lie in blocks and keep their address; erased ones are reused, so a warm table allocates nothing.
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/base/types.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace benchfs::storage {

/// Record: default-constructible, with the public members `chunk_id id` and `std::uint32_t next`, which belong
/// to the table.
template <class Record>
class chunk_table {
public:
    chunk_table() { add_buckets(); }
    chunk_table(const chunk_table&) = delete;
    chunk_table& operator=(const chunk_table&) = delete;
    ~chunk_table() {
        for_each([](Record& record) { record.~Record(); });
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// nullptr when there is none.
    [[nodiscard]] Record* find(chunk_id id) const noexcept {
        for (std::uint32_t i = bucket(bucket_of(id)); i != none;) {
            Record& record = at(i);
            if (record.id == id) { return &record; }
            i = record.next;
        }
        return nullptr;
    }

    [[nodiscard]] Record& find_or_insert(chunk_id id) {
        if (Record* found = find(id)) { return *found; }
        if (free_.empty()) { add_records(); }
        const std::uint32_t i = free_.back();
        free_.pop_back();
        Record* record = ::new (static_cast<void*>(&at(i))) Record();
        std::uint32_t& head = bucket(bucket_of(id));
        record->id = id;
        record->next = head;
        head = i;
        if (++size_ > buckets_) { split(); }
        return *record;
    }

    /// Destroys a record of this table.
    void erase(Record& record) noexcept {
        std::uint32_t* link = &bucket(bucket_of(record.id));
        while (&at(*link) != &record) { link = &at(*link).next; }
        const std::uint32_t i = *link;
        *link = record.next;
        record.~Record();
        free_.push_back(i); // reserved when the record's block was made
        --size_;
    }

    /// For walks that are interrupted: visit buckets 0 .. buckets() - 1 in order. A record that is there all the
    /// time is seen at least once, whatever is inserted or erased between two buckets.
    [[nodiscard]] std::size_t buckets() const noexcept { return buckets_; }
    template <class F>
    void for_each_in(std::size_t b, F&& visit) {
        for (std::uint32_t i = bucket(b); i != none;) {
            const std::uint32_t next = at(i).next;
            visit(at(i));
            i = next;
        }
    }

    template <class F>
    void for_each(F&& visit) {
        for (std::size_t b = 0; b < buckets_; ++b) {
            for (std::uint32_t i = bucket(b); i != none;) {
                const std::uint32_t next = at(i).next;
                visit(at(i));
                i = next;
            }
        }
    }

private:
    static constexpr std::uint32_t none = 0xffffffff;
    static constexpr std::size_t per_block = 256;
    static constexpr std::size_t per_segment = 1024; // buckets

    struct block {
        alignas(Record) std::byte raw[sizeof(Record) * per_block];
    };

    [[nodiscard]] Record& at(std::uint32_t i) const noexcept {
        return *std::launder(reinterpret_cast<Record*>(blocks_[i / per_block]->raw) + i % per_block);
    }
    [[nodiscard]] std::uint32_t& bucket(std::size_t b) const noexcept {
        return heads_[b / per_segment][b % per_segment];
    }
    [[nodiscard]] std::size_t bucket_of(chunk_id id) const noexcept {
        const std::size_t h = std::hash<chunk_id>{}(id);
        const std::size_t b = h & (2 * level_ - 1);
        return b < buckets_ ? b : h & (level_ - 1);
    }

    void add_buckets() {
        heads_.push_back(std::make_unique_for_overwrite<std::uint32_t[]>(per_segment));
        for (std::size_t b = 0; b < per_segment; ++b) { heads_.back()[b] = none; }
    }
    void add_records() {
        const auto base = static_cast<std::uint32_t>(blocks_.size() * per_block);
        blocks_.push_back(std::make_unique_for_overwrite<block>());
        free_.reserve(blocks_.size() * per_block);
        for (std::uint32_t i = per_block; i-- > 0;) { free_.push_back(base + i); }
    }

    /// Adds the bucket `buckets_` and moves to it what belongs there from its sibling.
    void split() {
        if (buckets_ == heads_.size() * per_segment) { add_buckets(); }
        const std::size_t fresh = buckets_++;
        std::uint32_t* link = &bucket(fresh - level_);
        while (*link != none) {
            Record& record = at(*link);
            if (bucket_of(record.id) != fresh) {
                link = &record.next;
                continue;
            }
            const std::uint32_t i = *link;
            *link = record.next;
            record.next = bucket(fresh);
            bucket(fresh) = i;
        }
        if (buckets_ == 2 * level_) { level_ = buckets_; }
    }

    std::size_t size_ = 0;
    std::size_t level_ = per_segment; // a power of two, level_ <= buckets_ < 2 * level_
    std::size_t buckets_ = per_segment;
    std::vector<std::unique_ptr<std::uint32_t[]>> heads_;
    std::vector<std::unique_ptr<block>> blocks_;
    std::vector<std::uint32_t> free_;
};

} // namespace benchfs::storage
