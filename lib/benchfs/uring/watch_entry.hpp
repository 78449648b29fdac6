// One watched file descriptor of a ring. Owned by the ring and reused, because the kernel may still hold it
// when the callback it was for is gone.
#pragma once

#include "benchfs/base/errc.hpp"
#include "benchfs/runtime/reactor.hpp"
#include "benchfs/uring/submission.hpp"

#include <utility>
#include <vector>

namespace benchfs::uring {

class watch_entry final : public submission {
public:
    explicit watch_entry(std::vector<watch_entry*>& idle) noexcept : idle_(idle) {}

    int fd = -1;
    runtime::fd_callback* callback = nullptr; // nullptr: nobody wants to know any more

private:
    void prepare(::io_uring_sqe& entry) noexcept override;
    void completed(int result) noexcept override;

    std::vector<watch_entry*>& idle_;
};

} // namespace benchfs::uring
