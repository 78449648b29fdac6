#include "benchfs/transport/window/window_set.hpp"

#include "benchfs/transport/window/window_end.hpp"

#include <atomic>

namespace benchfs::transport::window {
namespace {

// A window without a record for this many looks (about a millisecond of polling) counts as quiet.
constexpr std::uint32_t quiet_after = 32768;
constexpr std::uint32_t quiet_interval = 16;
constexpr std::size_t few_windows = 4;
constexpr std::size_t looks_a_turn = 32;

} // namespace

window_set::window_set(runtime::loop& owner) : loop_(owner), messages_(new message_pool) { loop_.add(*this); }

window_set::~window_set() {
    loop_.remove(*this);
    messages_->disown();
}

void window_set::remove(window_end& end) noexcept { std::erase(ends_, &end); }

bool window_set::poll() noexcept {
    const bool look_at_quiet = ++turn_ % quiet_interval == 0;
    // A look at a few windows is much cheaper than a turn of the loop, and what arrives between two looks
    // waits.
    const std::size_t looks = ends_.size() <= few_windows ? looks_a_turn : 1;
    for (std::size_t look = 0; look < looks; ++look) {
        if (poll_once(look_at_quiet)) { return true; }
    }
    return false;
}

bool window_set::poll_once(bool look_at_quiet) noexcept {
    bool any = false;
    // By index: delivery may close connections and open others.
    for (std::size_t i = 0; i < ends_.size(); ++i) {
        window_end& end = *ends_[i];
        if (end.quiet_turns > quiet_after && !look_at_quiet) { continue; }
        if (end.poll()) {
            end.quiet_turns = 0;
            any = true;
        } else {
            ++end.quiet_turns;
        }
    }
    return any;
}

bool window_set::prepare_sleep() noexcept {
    for (window_end* end : ends_) { end->say_asleep(); }
    // Pairs with the fence in publish(): either the peer sees that we sleep, or we see its record here.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (window_end* end : ends_) {
        if (!end->may_sleep()) { return false; }
    }
    return true;
}

void window_set::woke() noexcept {
    for (window_end* end : ends_) { end->say_awake(); }
}

} // namespace benchfs::transport::window
