// semaphore: a bound on how many may do something at once, first come first served.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/waiter.hpp"

#include <cstddef>
#include <utility>

namespace benchfs::runtime {

class semaphore;

/// One permit, given back when this dies. The semaphore outlives it.
class [[nodiscard]] permit {
public:
    permit() noexcept = default;
    permit(permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    permit& operator=(permit&& other) noexcept {
        std::swap(owner_, other.owner_);
        return *this;
    }
    ~permit() { release(); }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    /// Gives the permit back now.
    inline void release() noexcept;

private:
    friend class semaphore;
    explicit permit(semaphore& owner) noexcept : owner_(&owner) {}

    semaphore* owner_ = nullptr;
};

/// Counting; FIFO also when somebody calls try_acquire() while others wait. Destroying it with waiters asserts.
class semaphore {
public:
    explicit semaphore(std::size_t permits) noexcept : free_(permits) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    [[nodiscard]] std::size_t available() const noexcept { return free_; }
    [[nodiscard]] bool has_waiters() const noexcept { return !waiters_.empty(); }

    /// Takes a permit if there is one; pair it with release().
    [[nodiscard]] bool try_acquire() noexcept {
        if (free_ == 0) { return false; }
        --free_;
        return true;
    }
    /// The same as an owner; empty when there is none.
    [[nodiscard]] permit try_acquire_permit() noexcept { return try_acquire() ? permit{*this} : permit{}; }

    /// Gives one permit back: straight to the first waiter, so that nobody overtakes it.
    void release() noexcept {
        if (waiters_.empty()) {
            ++free_;
        } else {
            waiters_.front().wake();
        }
    }

    class awaiter {
    public:
        explicit awaiter(semaphore& s) noexcept : semaphore_(s) {}
        [[nodiscard]] bool await_ready() const noexcept { return semaphore_.try_acquire(); }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return waiter_.enqueue(caller, semaphore_.waiters_);
        }
        [[nodiscard]] status await_resume() const noexcept { return waiter_.outcome(); }

    protected:
        semaphore& semaphore_;

    private:
        waiter waiter_;
    };

    class permit_awaiter : public awaiter {
    public:
        using awaiter::awaiter;
        [[nodiscard]] result<permit> await_resume() const noexcept {
            BFS_CHECK(awaiter::await_resume());
            return permit{semaphore_};
        }
    };

    /// ok: the caller holds one permit and gives it back with release(). The reason when the caller's tree is
    /// stopped while it waits; a permit that is free is given even then.
    [[nodiscard]] awaiter acquire() noexcept { return awaiter{*this}; }
    /// The same, giving an owner.
    [[nodiscard]] permit_awaiter acquire_permit() noexcept { return permit_awaiter{*this}; }

private:
    std::size_t free_;
    intrusive_list<waiter> waiters_; // empty whenever free_ is not 0
};

inline void permit::release() noexcept {
    if (owner_ != nullptr) { std::exchange(owner_, nullptr)->release(); }
}

} // namespace benchfs::runtime
