#include "benchfs/storage/log_window.hpp"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace benchfs::storage {
namespace {

constexpr std::uint64_t window_bytes = 64 * 1024;
constexpr std::uint64_t page = 4096;
// The kernel begins to write a page out seconds after it was changed (vm.dirty_writeback_centisecs).
constexpr std::int64_t writable_for_ms = 1000;
constexpr int populate_write = 23; // MADV_POPULATE_WRITE, since Linux 5.14

} // namespace

void log_window::drop() noexcept {
    if (memory_ != nullptr) { ::munmap(std::exchange(memory_, nullptr), window_bytes); }
}

bool log_window::move_to(int fd, std::uint64_t begin) noexcept {
    drop();
    void* at =
        ::mmap(nullptr, window_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<::off_t>(begin));
    if (at == MAP_FAILED) { return false; }
    memory_ = static_cast<std::byte*>(at);
    begin_ = begin;
    look_again();
    return true;
}

/// What is wrong with the device or the file system is an error here; in the middle of a copy it would be a
/// signal that ends the process.
bool log_window::make_writable(std::uint64_t from, std::uint64_t end, std::int64_t now_ms) noexcept {
    if (now_ms - since_ms_ >= writable_for_ms || from < writable_) { look_again(); }
    if (end <= writable_end_) { return true; }
    if (step_ == 0) {
        writable_ = writable_end_ = from / page * page;
        since_ms_ = now_ms;
    }
    // After a sync a page at a time, then more and more: every page that is made writable goes to the device.
    step_ = std::clamp(2 * step_, (end + page - 1) / page * page - writable_end_, window_bytes);
    step_ = std::min(step_, begin_ + window_bytes - writable_end_);
    if (::madvise(memory_ + (writable_end_ - begin_), step_, populate_write) != 0) { return false; }
    writable_end_ += step_;
    return true;
}

bool log_window::copy(int fd, std::uint64_t size, std::uint64_t offset, const_byte_span from,
                      std::int64_t now_ms) noexcept {
    const std::uint64_t begin = offset / window_bytes * window_bytes;
    const std::uint64_t end = offset + from.size();
    // A record across the end of the window is rare, and write() does it.
    if (!allowed_ || end > begin + window_bytes || begin + window_bytes > size) { return false; }
    const bool here = memory_ != nullptr && begin == begin_;
    if ((!here && !move_to(fd, begin)) || !make_writable(offset, end, now_ms)) {
        drop();
        allowed_ = false;
        return false;
    }
    std::memcpy(memory_ + (offset - begin), from.data(), from.size());
    return true;
}

} // namespace benchfs::storage
