#include "benchfs/uring/transfer.hpp"

#include "benchfs/uring/ops/read.hpp"
#include "benchfs/uring/ops/write.hpp"
#include "benchfs/uring/retry_budget.hpp"

namespace benchfs::uring {

runtime::task<result<std::size_t>> read_exact(ring& r, int fd, byte_span to, std::uint64_t offset,
                                              int buffer_index) {
    std::size_t done = 0;
    retry_budget budget;
    while (done < to.size()) {
        const result<std::size_t> n = co_await read_fixed(r, fd, to.subspan(done), offset + done, buffer_index);
        if (!n) {
            if (budget.again(n.error())) { continue; }
            co_return n.error();
        }
        if (*n == 0) { break; }
        done += *n;
        budget.progress();
    }
    co_return done;
}

runtime::task<status> write_all(ring& r, int fd, const_byte_span from, std::uint64_t offset, int buffer_index) {
    std::size_t done = 0;
    retry_budget budget;
    while (done < from.size()) {
        const result<std::size_t> n =
            co_await write_fixed(r, fd, from.subspan(done), offset + done, buffer_index);
        if (!n) {
            if (budget.again(n.error())) { continue; }
            co_return n.error();
        }
        if (*n == 0) { co_return errc::io_error; }
        done += *n;
        budget.progress();
    }
    co_return ok();
}

} // namespace benchfs::uring
