// What the ring knows of an entry it was given: how to fill it in, and whom to tell.
//
// A submission lives, with all memory it names, from ring::start() to completed(); the ring owns neither.
#pragma once

#include "benchfs/base/intrusive_list.hpp"

#include <cstdint>

struct io_uring_sqe;

namespace benchfs::uring {

class submission : public list_hook<> {
public:
    /// Called by the ring: fills the entry in (the ring sets user_data afterwards). May run long after start().
    virtual void prepare(::io_uring_sqe& entry) noexcept = 0;
    /// Called by the ring, once, from poll(), or from cancel() for one that was only parked (-ECANCELED).
    /// `result` is the kernel's: a value or a negative errno. The submission may be destroyed inside.
    virtual void completed(int result) noexcept = 0;

    enum class stage : std::uint8_t {
        idle,      // not given to the ring, or completed
        parked,    // waits for room in the queue; the kernel has not seen it
        in_flight, // the kernel has it; its completion is still to come
    };
    /// The ring's bookkeeping. While it is in flight the hook is free: it then queues the wish to cancel.
    struct tracking {
        stage where = stage::idle;
        bool uncounted = false; // a watch, not an operation
    };
    tracking track;

protected:
    submission() noexcept = default;
    ~submission() = default;
};

} // namespace benchfs::uring
