// result<T>: a value or an errc, returned by everything that can fail in normal operation.
//
// A subset of std::expected's interface (absent from g++ 12 in C++20 mode), so it can be replaced by it later.
// Macros: BFS_TRY / BFS_CHECK in functions, BFS_CO_TRY / BFS_CO_CHECK in coroutines. They are statements, and
// `BFS_CO_TRY(auto n, co_await f())` binds the awaited value to a name first, which is what g++ 12 needs
// (temporaries inside a `co_await` expression are destroyed twice there).
#pragma once

#include "benchfs/base/assert.hpp"
#include "benchfs/base/errc.hpp"

#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

namespace benchfs {

/// Either a T or an error. T must be nothrow-movable. Reading the value of a failed result is a programming
/// error and asserts.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(errc error) noexcept : error_(error) { BFS_ASSERT(error != errc::ok); }
    template <class U = T>
        requires(std::constructible_from<T, U &&> && !std::same_as<std::remove_cvref_t<U>, result> &&
                 !std::same_as<std::remove_cvref_t<U>, errc>)
    result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) : error_(errc::ok) {
        ::new (static_cast<void*>(&storage_)) T(std::forward<U>(value));
    }
    result(result&& other) noexcept : error_(other.error_) {
        if (error_ == errc::ok) { ::new (static_cast<void*>(&storage_)) T(std::move(*other.ptr())); }
    }
    result(const result& other)
        requires std::copy_constructible<T>
        : error_(other.error_) {
        if (error_ == errc::ok) { ::new (static_cast<void*>(&storage_)) T(*other.ptr()); }
    }
    result& operator=(result&& other) noexcept {
        if (this != &other) {
            this->~result();
            ::new (static_cast<void*>(this)) result(std::move(other));
        }
        return *this;
    }
    result& operator=(const result&) = delete;
    ~result() {
        if (error_ == errc::ok) { ptr()->~T(); }
    }

    [[nodiscard]] bool has_value() const noexcept { return error_ == errc::ok; }
    explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] errc error() const noexcept { return error_; }

    T& value() & noexcept {
        BFS_ASSERT(has_value());
        return *ptr();
    }
    const T& value() const& noexcept {
        BFS_ASSERT(has_value());
        return *ptr();
    }
    T&& value() && noexcept {
        BFS_ASSERT(has_value());
        return std::move(*ptr());
    }
    T& operator*() & noexcept { return value(); }
    const T& operator*() const& noexcept { return value(); }
    T&& operator*() && noexcept { return std::move(*this).value(); }
    T* operator->() noexcept { return &value(); }
    const T* operator->() const noexcept { return &value(); }

    template <class U>
    [[nodiscard]] T value_or(U&& other) && {
        return has_value() ? std::move(*ptr()) : static_cast<T>(std::forward<U>(other));
    }

private:
    T* ptr() noexcept { return std::launder(reinterpret_cast<T*>(&storage_)); }
    const T* ptr() const noexcept { return std::launder(reinterpret_cast<const T*>(&storage_)); }

    errc error_;
    alignas(T) std::byte storage_[sizeof(T)];
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept = default;
    result(errc error) noexcept : error_(error) {}

    [[nodiscard]] bool has_value() const noexcept { return error_ == errc::ok; }
    explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] errc error() const noexcept { return error_; }

private:
    errc error_ = errc::ok;
};

using status = result<void>;

[[nodiscard]] inline status ok() noexcept { return {}; }

} // namespace benchfs

#define BFS_CAT2(a, b) a##b
#define BFS_CAT(a, b) BFS_CAT2(a, b)

#define BFS_TRY_IMPL(ret, tmp, decl, ...)                                                                      \
    auto tmp = (__VA_ARGS__);                                                                                  \
    if (!tmp) [[unlikely]] { ret tmp.error(); }                                                                \
    decl = *std::move(tmp)
#define BFS_CHECK_IMPL(ret, tmp, ...)                                                                          \
    do {                                                                                                       \
        auto tmp = (__VA_ARGS__);                                                                              \
        if (!tmp) [[unlikely]] { ret tmp.error(); }                                                            \
    } while (false)

/// `BFS_TRY(auto n, f());` — declares n from the value of f(), or returns its error.
#define BFS_TRY(decl, ...) BFS_TRY_IMPL(return, BFS_CAT(bfs_try_, __COUNTER__), decl, __VA_ARGS__)
/// `BFS_CO_TRY(auto n, co_await f());` — the same in a coroutine.
#define BFS_CO_TRY(decl, ...) BFS_TRY_IMPL(co_return, BFS_CAT(bfs_try_, __COUNTER__), decl, __VA_ARGS__)
/// `BFS_CHECK(f());` — returns the error of f() if it has one.
#define BFS_CHECK(...) BFS_CHECK_IMPL(return, BFS_CAT(bfs_check_, __COUNTER__), __VA_ARGS__)
#define BFS_CO_CHECK(...) BFS_CHECK_IMPL(co_return, BFS_CAT(bfs_check_, __COUNTER__), __VA_ARGS__)
