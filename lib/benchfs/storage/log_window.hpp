// The stretch of a log file that is being written, mapped: a record costs a copy instead of a system call.
#pragma once

#include "benchfs/base/bytes.hpp"

#include <cstdint>

namespace benchfs::storage {

/// Moves along a file that is written from its beginning to its end. What it copies is in the page cache, as
/// after write(): it survives the process, and fdatasync() brings it to the device.
class log_window {
public:
    /// `allowed`: the file system overwrites a block in its place, so that a page that could be written before
    /// can be written again. With copy on write it may find no room, over a network no server; and that would
    /// be a signal instead of an error.
    explicit log_window(bool allowed) noexcept : allowed_(allowed) {}
    log_window(const log_window&) = delete;
    log_window& operator=(const log_window&) = delete;
    ~log_window() { drop(); }

    /// Copies `from` to the file's bytes at `offset`; false: nothing was copied, and write() can, or says why
    /// not. `size` of the file; `now_ms`: monotonic.
    [[nodiscard]] bool copy(int fd, std::uint64_t size, std::uint64_t offset, const_byte_span from,
                            std::int64_t now_ms) noexcept;
    /// Pages that went to the device have to be made writable again: with the next copy.
    void look_again() noexcept {
        writable_ = writable_end_ = 0;
        step_ = 0;
    }

private:
    void drop() noexcept;
    [[nodiscard]] bool move_to(int fd, std::uint64_t begin) noexcept;
    [[nodiscard]] bool make_writable(std::uint64_t from, std::uint64_t end, std::int64_t now_ms) noexcept;

    bool allowed_;
    std::byte* memory_ = nullptr;
    std::uint64_t begin_ = 0; // in the file
    std::uint64_t writable_ = 0;
    std::uint64_t writable_end_ = 0; // in the file
    std::uint64_t step_ = 0;         // how much was made writable the last time
    std::int64_t since_ms_ = 0;      // the first part of it was then
};

} // namespace benchfs::storage
