// Mints file ids: the home server and a counter that never goes back.
//
// The counter is reserved ahead in steps, so that a log needs one record per step and a restart, which goes on
// at the end of the last step, never gives out an id twice.
#pragma once

#include "benchfs/metadata/changes.hpp"

#include <algorithm>

namespace benchfs::metadata {

class id_allocator {
public:
    static constexpr std::uint64_t last = std::uint64_t{1} << file_id::home_shift;

    /// The first counter given out is `first`, at least 2 (1 is the root's).
    id_allocator(server_id home, std::uint64_t first) noexcept
        : home_(home), next_(std::max<std::uint64_t>(first, 2)), reserved_(next_) {}

    /// no_space after 2^48 ids. Reports each new step to the sink before an id from it is returned.
    [[nodiscard]] result<file_id> next(change_sink& sink) {
        if (next_ >= last) { return errc::no_space; }
        if (next_ >= reserved_) {
            reserved_ = std::min(next_ + step, last);
            sink.ids_reserved(reserved_);
        }
        return file_id::make(home_, next_++);
    }

    /// Takes many ids at once, so that one durable record covers all that are given out for a long time.
    void reserve(change_sink& sink, std::uint64_t count) {
        reserved_ = std::max(reserved_, std::min(next_ + count, last));
        sink.ids_reserved(reserved_);
    }

    /// Replay: everything below may have been given out.
    void skip_to(std::uint64_t below) noexcept {
        next_ = std::max(next_, below);
        reserved_ = std::max(reserved_, below);
    }

    /// Every counter below this one may have been given out.
    [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_; }
    [[nodiscard]] server_id home() const noexcept { return home_; }

private:
    static constexpr std::uint64_t step = 4096;

    server_id home_;
    std::uint64_t next_;
    std::uint64_t reserved_;
};

} // namespace benchfs::metadata
