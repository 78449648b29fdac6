// A pool of slots with generation-checked handles.
//
// A handle that outlives its object is refused, not misread: this is what makes a late reply or a stale
// connection id from the wire harmless.
#pragma once

#include "benchfs/base/assert.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace benchfs {

/// 64 bits that fit into a message: slot (low 32) and generation (high 32). 0 is never a valid handle.
using slab_handle = std::uint64_t;

/// Slots of T up to `limit` (grown in blocks of 64; addresses are stable). Insert and erase are O(1).
template <class T>
class slab {
public:
    explicit slab(std::uint32_t limit, std::uint32_t first_generation = 1)
        : limit_(limit), first_generation_(first_generation == 0 ? 1 : first_generation) {}
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;

    [[nodiscard]] std::uint32_t size() const noexcept { return used_; }
    [[nodiscard]] std::uint32_t limit() const noexcept { return limit_; }
    [[nodiscard]] bool full() const noexcept { return used_ == limit_; }

    /// A new object, or 0 when the slab is full.
    template <class... Args>
    slab_handle insert(Args&&... args) {
        if (full()) { return 0; }
        if (free_.empty()) { grow(); }
        const std::uint32_t at = free_.back();
        slot& s = slot_at(at);
        s.object.emplace(std::forward<Args>(args)...); // may throw: the slot is still free then
        free_.pop_back();
        ++used_;
        return static_cast<slab_handle>(s.generation) << 32 | at;
    }

    /// The object, or nullptr if the handle is stale, foreign or nonsense.
    [[nodiscard]] T* find(slab_handle handle) noexcept {
        const auto at = static_cast<std::uint32_t>(handle);
        if (at >= blocks_.size() * block_size) { return nullptr; }
        slot& s = slot_at(at);
        if (!s.object || s.generation != static_cast<std::uint32_t>(handle >> 32)) { return nullptr; }
        return &*s.object;
    }

    /// Destroys the object; false if the handle was not valid.
    bool erase(slab_handle handle) noexcept {
        if (find(handle) == nullptr) { return false; }
        const auto at = static_cast<std::uint32_t>(handle);
        slot& s = slot_at(at);
        s.object.reset();
        if (++s.generation == 0) { s.generation = 1; }
        free_.push_back(at);
        --used_;
        return true;
    }

    /// Calls visit(handle, object) for each live object; the visitor may erase the one it is given.
    template <class F>
    void for_each(F&& visit) {
        for (std::uint32_t at = 0; at < blocks_.size() * block_size; ++at) {
            slot& s = slot_at(at);
            if (s.object) { visit(static_cast<slab_handle>(s.generation) << 32 | at, *s.object); }
        }
    }

private:
    static constexpr std::uint32_t block_size = 64;
    struct slot {
        std::optional<T> object;
        std::uint32_t generation = 0;
    };

    slot& slot_at(std::uint32_t at) noexcept { return blocks_[at / block_size][at % block_size]; }

    void grow() {
        const auto base = static_cast<std::uint32_t>(blocks_.size()) * block_size;
        blocks_.push_back(std::make_unique<slot[]>(block_size));
        free_.reserve(blocks_.size() * block_size); // erase() must not allocate
        for (std::uint32_t i = block_size; i-- > 0;) {
            blocks_.back()[i].generation = first_generation_;
            if (base + i < limit_) { free_.push_back(base + i); }
        }
    }

    std::uint32_t limit_;
    std::uint32_t first_generation_;
    std::uint32_t used_ = 0;
    std::vector<std::unique_ptr<slot[]>> blocks_;
    std::vector<std::uint32_t> free_;
};

} // namespace benchfs
