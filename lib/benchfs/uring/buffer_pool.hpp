// Buffers for direct I/O that the kernel knows beforehand ("registered"), so that it need not pin pages per
// operation.
//
// One page-aligned arena, owned by the pool. A buffer is faulted in and registered when it is handed out for
// the first time and then reused warm. Where registering is refused (memlock limit, old kernel) the same
// buffers are handed out with index -1, and the fixed operations quietly do plain ones.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/waiter.hpp"
#include "benchfs/uring/kernel.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace benchfs::uring {

class buffer_pool;

/// One buffer of the pool; goes back when it dies. Must not outlive the pool, nor die while the kernel uses it.
class registered_buffer {
public:
    registered_buffer() noexcept = default;
    registered_buffer(registered_buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), slot_(other.slot_) {}
    registered_buffer& operator=(registered_buffer&& other) noexcept {
        if (this != &other) {
            release();
            pool_ = std::exchange(other.pool_, nullptr);
            slot_ = other.slot_;
        }
        return *this;
    }
    ~registered_buffer() { release(); }

    explicit operator bool() const noexcept { return pool_ != nullptr; }
    /// The whole buffer; its size is that of the ring's options. Empty if there is none.
    [[nodiscard]] byte_span span() const noexcept;
    /// For read_fixed and write_fixed; -1 when it is not registered.
    [[nodiscard]] int index() const noexcept;
    /// Gives it back now.
    void release() noexcept;

private:
    friend class buffer_pool;
    registered_buffer(buffer_pool& pool, std::uint32_t slot) noexcept : pool_(&pool), slot_(slot) {}

    buffer_pool* pool_ = nullptr;
    std::uint32_t slot_ = 0;
};

class buffer_pool {
public:
    /// `ring` is what the buffers get registered with; `want_registered` false leaves that out.
    /// no_memory when the address space is refused.
    [[nodiscard]] static result<std::unique_ptr<buffer_pool>> create(::io_uring& ring,
                                                                     const kernel_calls& calls,
                                                                     std::size_t buffer_size,
                                                                     std::uint32_t count, bool want_registered);
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    /// Every buffer must be back.
    ~buffer_pool();

    [[nodiscard]] std::size_t buffer_size() const noexcept { return buffer_size_; }
    [[nodiscard]] std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(registered_.size());
    }
    [[nodiscard]] std::size_t available() const noexcept { return free_.size(); }

    /// A buffer, or an empty one when all are out. Does not suspend.
    [[nodiscard]] registered_buffer try_acquire() noexcept;

    class awaiter final : public runtime::waiter {
    public:
        explicit awaiter(buffer_pool& pool) noexcept : pool_(pool) {}
        [[nodiscard]] bool await_ready() noexcept {
            buffer_ = pool_.try_acquire();
            return static_cast<bool>(buffer_) || pool_.count() == 0;
        }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return enqueue(caller, pool_.waiters_);
        }
        [[nodiscard]] result<registered_buffer> await_resume() noexcept {
            if (buffer_) { return std::move(buffer_); }
            return pool_.count() == 0 ? errc::not_supported : outcome();
        }

    private:
        friend class buffer_pool;
        buffer_pool& pool_;
        registered_buffer buffer_;
    };

    /// A buffer; waits its turn (first come, first served) while all are out. The reason of the stop when the
    /// caller's tree is stopped meanwhile; not_supported from a pool of no buffers.
    [[nodiscard]] awaiter acquire() noexcept { return awaiter{*this}; }

private:
    friend class registered_buffer;
    enum class mode : std::uint8_t { unregistered, by_slot, all_at_once };

    buffer_pool(::io_uring& ring, const kernel_calls& calls, std::byte* arena, std::size_t buffer_size,
                std::uint32_t count);
    void open_table() noexcept;
    void register_slot(std::uint32_t slot) noexcept;
    void give_up(int error) noexcept;
    void put_back(std::uint32_t slot) noexcept;

    ::io_uring& ring_;
    const kernel_calls& calls_;
    std::byte* arena_;
    std::size_t buffer_size_;
    mode mode_ = mode::unregistered;
    std::uint32_t may_register_ = 0; // that many more
    std::vector<bool> registered_;
    std::vector<std::uint32_t> free_; // the last one is the warmest
    intrusive_list<runtime::waiter> waiters_;
};

} // namespace benchfs::uring
