// One end of a window by itself: the test writes into the shared memory what the other end would.
#pragma once

#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/window/server_end.hpp"
#include "benchfs/transport/window/window_set.hpp"

#include <atomic>
#include <cstring>
#include <deque>
#include <new>
#include <string>

namespace benchfs::transport::window {

class heap_memory final : public shared_memory {
public:
    heap_memory(std::byte* data, std::size_t size) {
        data_ = data;
        size_ = size;
    }
};

/// The memory both ends see; freed last.
struct block {
    block() : data(static_cast<std::byte*>(::operator new(size_with_staging, std::align_val_t{4096}))) {
        std::memset(data, 0, size_with_staging);
        ::new (static_cast<void*>(data)) window_memory;
    }
    block(const block&) = delete;
    block& operator=(const block&) = delete;
    ~block() { ::operator delete(data, std::align_val_t{4096}); }
    [[nodiscard]] window_memory& layout() const { return *reinterpret_cast<window_memory*>(data); }
    std::byte* data;
};

struct host final : path_host {
    void deliver(message_ptr m) noexcept override {
        if (inbox.size() < 32) { inbox.push_back(std::move(m)); }
    }
    void path_failed(errc) noexcept override { failed = true; }
    void ring_doorbell() noexcept override {}
    [[nodiscard]] std::string peer() const override { return "test"; }
    bool failed = false;
    std::deque<message_ptr> inbox;
};

/// Makes a record visible as the `next`-th of its ring.
inline void publish_record(ring_memory& ring, std::uint32_t& next, const record& what) {
    slot& s = ring.slots[next % slot_count];
    s.what = what;
    std::atomic_ref<std::uint32_t>(s.what.sequence).store(++next, std::memory_order_release);
}

} // namespace benchfs::transport::window
