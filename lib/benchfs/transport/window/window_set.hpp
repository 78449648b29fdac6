// All windows of a process, as one reactor: warm ones are looked at each turn, quiet ones every sixteenth.
#pragma once

#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/window/window_message.hpp"

#include <vector>

namespace benchfs::transport::window {

class window_end;

class window_set final : public runtime::reactor {
public:
    explicit window_set(runtime::loop& owner);
    ~window_set();
    window_set(const window_set&) = delete;
    window_set& operator=(const window_set&) = delete;

    void add(window_end& end) { ends_.push_back(&end); }
    void remove(window_end& end) noexcept;

    bool poll() noexcept override;
    bool prepare_sleep() noexcept override;
    void woke() noexcept override;

    [[nodiscard]] runtime::loop& owner() noexcept { return loop_; }
    [[nodiscard]] message_pool& messages() noexcept { return *messages_; }
    template <class F>
    void for_each(F&& visit) const {
        for (const window_end* end : ends_) { visit(*end); }
    }

private:
    bool poll_once(bool look_at_quiet) noexcept;

    runtime::loop& loop_;
    message_pool* messages_;
    std::vector<window_end*> ends_;
    std::uint32_t turn_ = 0;
};

} // namespace benchfs::transport::window
