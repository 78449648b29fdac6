#include "benchfs/uring/buffer_pool.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <liburing.h>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

namespace benchfs::uring {

byte_span registered_buffer::span() const noexcept {
    if (pool_ == nullptr) { return {}; }
    return {pool_->arena_ + slot_ * pool_->buffer_size_, pool_->buffer_size_};
}

int registered_buffer::index() const noexcept {
    return pool_ != nullptr && pool_->registered_[slot_] ? static_cast<int>(slot_) : -1;
}

void registered_buffer::release() noexcept {
    if (pool_ != nullptr) { std::exchange(pool_, nullptr)->put_back(slot_); }
}

result<std::unique_ptr<buffer_pool>> buffer_pool::create(::io_uring& ring, const kernel_calls& calls,
                                                         std::size_t buffer_size, std::uint32_t count,
                                                         bool want_registered) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2;
    if (buffer_size == 0 || buffer_size > most) { return errc::invalid_argument; }
    buffer_size = (buffer_size + page - 1) / page * page;
    if (count != 0 && buffer_size > most / count) { return errc::invalid_argument; }

    void* arena = nullptr;
    if (count != 0) {
        arena =
            ::mmap(nullptr, buffer_size * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (arena == MAP_FAILED) { return from_errno(errno); }
        // Pinned pages and copy-on-write do not mix; a forked child has no business with them.
        ::madvise(arena, buffer_size * count, MADV_DONTFORK);
    }
    std::unique_ptr<buffer_pool> pool(
        new buffer_pool(ring, calls, static_cast<std::byte*>(arena), buffer_size, count));
    if (want_registered && count != 0) { pool->open_table(); }
    return pool;
}

buffer_pool::buffer_pool(::io_uring& ring, const kernel_calls& calls, std::byte* arena, std::size_t buffer_size,
                         std::uint32_t count)
    : ring_(ring), calls_(calls), arena_(arena), buffer_size_(buffer_size), registered_(count, false) {
    free_.reserve(count);
    for (std::uint32_t slot = count; slot-- > 0;) { free_.push_back(slot); }
}

buffer_pool::~buffer_pool() {
    BFS_ASSERT(free_.size() == registered_.size());
    // The ring keeps the pages pinned until it is closed; unmapping before that is fine.
    if (arena_ != nullptr) { ::munmap(arena_, buffer_size_ * registered_.size()); }
}

void buffer_pool::open_table() noexcept {
    may_register_ =
        static_cast<std::uint32_t>(std::min<std::size_t>(calls_.lockable_bytes() / buffer_size_, count()));
    if (may_register_ < count()) {
        BFS_LOG_WARN(
            "uring",
            "%u of %u I/O buffers of %zu KiB get registered: the limit on locked memory leaves no room for "
            "more; raise it with `ulimit -l unlimited` (or LimitMEMLOCK=)",
            may_register_, count(), buffer_size_ / 1024);
        if (may_register_ == 0) { return; }
    }
    int error = -calls_.register_table(&ring_, count());
    if (error == 0) {
        mode_ = mode::by_slot;
        return;
    }
    if (error == EINVAL &&
        may_register_ == count()) { // before Linux 5.19: all of them now, which also faults them in
        std::vector<::iovec> all(count());
        for (std::size_t slot = 0; slot < all.size(); ++slot) {
            all[slot] = {.iov_base = arena_ + slot * buffer_size_, .iov_len = buffer_size_};
        }
        error = -calls_.register_buffers(&ring_, all.data(), count());
        if (error == 0) {
            mode_ = mode::all_at_once;
            registered_.assign(all.size(), true);
            return;
        }
    }
    give_up(error);
}

void buffer_pool::register_slot(std::uint32_t slot) noexcept {
    const ::iovec buffer{.iov_base = arena_ + slot * buffer_size_, .iov_len = buffer_size_};
    const int error = -calls_.set_buffer(&ring_, slot, &buffer);
    if (error == 0) {
        registered_[slot] = true;
        if (--may_register_ == 0) { mode_ = mode::unregistered; }
    } else {
        give_up(error);
    }
}

void buffer_pool::give_up(int error) noexcept {
    // Said once: from here on nothing is tried any more, and what is registered stays so.
    mode_ = mode::unregistered;
    if (error == ENOMEM || error == EPERM) {
        BFS_LOG_WARN(
            "uring",
            "%u I/O buffers of %zu KiB cannot all be locked in memory (%s): going on without; to register "
            "them raise the limit with `ulimit -l unlimited` (or LimitMEMLOCK=), or use fewer or smaller ones",
            count(), buffer_size_ / 1024, std::strerror(error));
    } else {
        BFS_LOG_WARN("uring", "I/O buffers cannot be registered (%s): going on without", std::strerror(error));
    }
}

registered_buffer buffer_pool::try_acquire() noexcept {
    if (free_.empty()) { return {}; }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    if (mode_ == mode::by_slot && !registered_[slot]) { register_slot(slot); }
    return {*this, slot};
}

void buffer_pool::put_back(std::uint32_t slot) noexcept {
    if (waiters_.empty()) {
        free_.push_back(slot); // never allocates: reserved
        return;
    }
    // Handed over, not offered: whoever comes later must not overtake.
    auto& next = static_cast<awaiter&>(waiters_.front());
    next.buffer_ = registered_buffer(*this, slot);
    next.wake();
}

} // namespace benchfs::uring
