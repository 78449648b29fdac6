// channel<T>: a bounded queue between coroutines, any number on each side.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/waiter.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace benchfs::runtime {

/// What send() gives after close(), and receive() when the rest has been taken.
inline constexpr errc channel_closed = errc::shutting_down;

/// Values come out in the order in which send() was called; waiting senders and receivers are served in order.
/// T is nothrow-movable. Destroying it while somebody waits asserts.
template <class T>
class channel {
public:
    /// Room for `capacity` values (at least 1) that nobody has received yet.
    explicit channel(std::size_t capacity) : ring_(capacity) { BFS_ASSERT(capacity > 0); }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }

    class sender final : public waiter {
    public:
        sender(channel& c, T value) noexcept : channel_(c), value_(std::move(value)) {}
        [[nodiscard]] bool await_ready() noexcept { return channel_.closed_ || channel_.put(value_); }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return enqueue(caller, channel_.senders_);
        }
        /// ok only if a receiver can get the value, or has got it.
        [[nodiscard]] status await_resume() const noexcept {
            if (outcome() != errc::ok) { return outcome(); }
            return value_.has_value() ? status{channel_closed} : ok();
        }

    private:
        friend class channel;
        channel& channel_;
        std::optional<T> value_; // empty once it has been taken over
    };

    class receiver final : public waiter {
    public:
        explicit receiver(channel& c) noexcept : channel_(c) {}
        [[nodiscard]] bool await_ready() noexcept {
            value_ = channel_.take();
            return value_.has_value() || channel_.closed_;
        }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return enqueue(caller, channel_.receivers_);
        }
        [[nodiscard]] result<T> await_resume() noexcept {
            if (value_.has_value()) { return std::move(*value_); }
            return outcome() != errc::ok ? outcome() : channel_closed;
        }

    private:
        friend class channel;
        channel& channel_;
        std::optional<T> value_;
    };

    /// ok when the value is in; waits for room. channel_closed after close(), or the reason when the caller's
    /// tree is stopped while it waits: then the value is dropped.
    [[nodiscard]] sender send(T value) noexcept { return sender{*this, std::move(value)}; }
    /// The next value; waits for one. channel_closed when it is closed and empty, or the reason of a stop.
    [[nodiscard]] receiver receive() noexcept { return receiver{*this}; }
    /// False, and the value untouched, when there is no room or it is closed.
    [[nodiscard]] bool try_send(T& value) noexcept {
        std::optional<T> moved{std::move(value)};
        if (!closed_ && put(moved)) { return true; }
        value = std::move(*moved);
        return false;
    }
    [[nodiscard]] std::optional<T> try_receive() noexcept { return take(); }

    /// No more values: who waits is woken; what is in can still be received.
    void close() noexcept {
        closed_ = true;
        while (!senders_.empty()) { senders_.front().wake(); }
        while (!receivers_.empty()) { receivers_.front().wake(); }
    }

private:
    /// To the first waiting receiver (then the ring is empty), else into the ring.
    bool put(std::optional<T>& value) noexcept {
        if (!receivers_.empty()) {
            auto& first = static_cast<receiver&>(receivers_.front());
            first.value_ = std::exchange(value, std::nullopt);
            first.wake();
            return true;
        }
        if (count_ == ring_.size()) { return false; }
        ring_[(head_ + count_++) % ring_.size()] = std::exchange(value, std::nullopt);
        return true;
    }

    std::optional<T> take() noexcept {
        if (count_ == 0) { return std::nullopt; }
        std::optional<T> out = std::exchange(ring_[head_], std::nullopt);
        head_ = (head_ + 1) % ring_.size();
        --count_;
        if (!senders_.empty()) {
            auto& first = static_cast<sender&>(senders_.front());
            ring_[(head_ + count_++) % ring_.size()] = std::exchange(first.value_, std::nullopt);
            first.wake();
        }
        return out;
    }

    std::vector<std::optional<T>> ring_;
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    bool closed_ = false;
    intrusive_list<waiter> senders_;   // empty unless the ring is full
    intrusive_list<waiter> receivers_; // empty unless the ring is empty
};

} // namespace benchfs::runtime
