// Writes and appends at the home of their file, from when their bytes are stored until its size covers them.
//
// A truncation comes before such a write or after it, never in its middle: it would cut off bytes that the
// write then publishes, and readers would find zeros. So it waits for those that have begun, and no other one
// begins until it has changed the size.
#pragma once

#include "benchfs/base/intrusive_list.hpp"
#include "benchfs/base/types.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::server {

class home_writes {
public:
    home_writes() = default;
    home_writes(const home_writes&) = delete;
    home_writes& operator=(const home_writes&) = delete;

    /// One write. It lies in the frame of its handler: a write costs no allocation for it.
    class entry : public list_hook<> {
    public:
        explicit entry(home_writes& owner) noexcept : owner_(owner) {}
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;
        ~entry() { end(); }
        /// Only while may_begin(); it ends with the entry at the latest.
        void begin(file_id file) noexcept {
            file_ = file;
            owner_.under_way_.push_back(*this);
        }
        void end() noexcept {
            if (!linked()) { return; }
            unlink();
            owner_.one_ended_.set();
        }

    private:
        friend class home_writes;
        home_writes& owner_;
        file_id file_;
    };

    /// While it lives no write of the file begins.
    class gate {
    public:
        gate(home_writes& owner, file_id file) : owner_(owner), file_(file) { owner_.closed_.push_back(file); }
        gate(const gate&) = delete;
        gate& operator=(const gate&) = delete;
        ~gate() { owner_.closed_.erase(std::ranges::find(owner_.closed_, file_)); }

    private:
        home_writes& owner_;
        file_id file_;
    };

    [[nodiscard]] bool may_begin(file_id file) const noexcept {
        return closed_.empty() || std::ranges::find(closed_, file) == closed_.end();
    }
    [[nodiscard]] bool busy(file_id file) noexcept {
        bool found = false;
        under_way_.for_each([&](const entry& e) { found = found || e.file_ == file; });
        return found;
    }
    /// Waits, behind a gate, until no write of the file is under way.
    [[nodiscard]] runtime::task<status> idle(file_id file) {
        while (busy(file)) {
            one_ended_.reset();
            BFS_CO_CHECK(co_await one_ended_.wait());
        }
        co_return ok();
    }

private:
    intrusive_list<entry> under_way_;
    std::vector<file_id> closed_;
    runtime::event one_ended_;
};

} // namespace benchfs::server
