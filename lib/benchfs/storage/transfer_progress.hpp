// How far a read or write of a file has come: each attempt may move less than it was asked to, or nothing.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/storage/disk.hpp"

#include <cstddef>

namespace benchfs::storage {

class transfer_progress {
public:
    /// `whole_blocks`: the file takes nothing smaller (O_DIRECT), so half a block that was moved counts as
    /// none.
    explicit transfer_progress(std::size_t bytes, bool whole_blocks = false) noexcept
        : left_(bytes), whole_blocks_(whole_blocks) {}

    [[nodiscard]] std::size_t done() const noexcept { return done_; }
    [[nodiscard]] std::size_t left() const noexcept { return left_; }

    /// What the last attempt at what was left has answered. An error: give up.
    [[nodiscard]] status add(const result<std::size_t>& moved) noexcept {
        const bool again = moved.error() == errc::interrupted || moved.error() == errc::try_again;
        if (!moved && !again) { return moved.error(); }
        std::size_t n = moved ? *moved : 0;
        if (whole_blocks_ && n != left_) { n -= n % block_size; }
        fruitless_ = n == 0 ? fruitless_ + 1 : 0;
        if (fruitless_ == fruitless_tries) { return moved ? errc::io_error : moved.error(); }
        done_ += n;
        left_ -= n;
        return ok();
    }

private:
    std::size_t done_ = 0;
    std::size_t left_;
    int fruitless_ = 0;
    bool whole_blocks_;
};

/// Writes all of it with disk_file::write_now().
[[nodiscard]] inline status write_whole_now(disk_file& file, std::uint64_t offset, const_byte_span from) {
    transfer_progress all(from.size());
    while (all.left() != 0) {
        BFS_CHECK(all.add(file.write_now(offset + all.done(), from.subspan(all.done()))));
    }
    return ok();
}

} // namespace benchfs::storage
