// A doubly linked list through hooks inside its elements: queues without allocation.
#pragma once

#include "benchfs/base/assert.hpp"

#include <cstddef>

namespace benchfs {

template <class T>
class intrusive_list;

/// Derive from this once per list an object can be in (Tag tells them apart). The destructor asserts that the
/// object is in no list: an element never dies while somebody can still reach it.
template <class Tag = void>
class list_hook {
public:
    list_hook() noexcept = default;
    list_hook(const list_hook&) = delete;
    list_hook& operator=(const list_hook&) = delete;
    ~list_hook() { BFS_ASSERT(next_ == nullptr); }

    [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

    /// Removes the object from the list it is in; nothing happens if it is in none. O(1).
    void unlink() noexcept {
        if (next_ == nullptr) { return; }
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }

private:
    template <class>
    friend class intrusive_list;
    list_hook* next_ = nullptr;
    list_hook* prev_ = nullptr;
};

/// A list of T, each derived from list_hook<>. Owns nothing.
template <class T>
class intrusive_list {
public:
    using hook = list_hook<>;

    intrusive_list() noexcept { head_.next_ = head_.prev_ = &head_; }
    intrusive_list(const intrusive_list&) = delete;
    intrusive_list& operator=(const intrusive_list&) = delete;
    ~intrusive_list() {
        BFS_ASSERT(empty());
        head_.next_ = head_.prev_ = nullptr;
    }

    [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }

    void push_back(T& element) noexcept { insert_before(head_, element); }
    void push_front(T& element) noexcept { insert_before(*head_.next_, element); }

    [[nodiscard]] T& front() noexcept {
        BFS_ASSERT(!empty());
        return *static_cast<T*>(head_.next_);
    }

    T& pop_front() noexcept {
        T& element = front();
        static_cast<hook&>(element).unlink();
        return element;
    }

    /// Moves all elements of other to the end of this list. O(1).
    void splice_back(intrusive_list& other) noexcept {
        if (other.empty()) { return; }
        other.head_.next_->prev_ = head_.prev_;
        head_.prev_->next_ = other.head_.next_;
        other.head_.prev_->next_ = &head_;
        head_.prev_ = other.head_.prev_;
        other.head_.next_ = other.head_.prev_ = &other.head_;
    }

    /// Calls visit(element) for each; the visitor may unlink the element it is given, and no other.
    template <class F>
    void for_each(F&& visit) {
        for (hook* h = head_.next_; h != &head_;) {
            hook* next = h->next_;
            visit(*static_cast<T*>(h));
            h = next;
        }
    }

private:
    void insert_before(hook& place, T& element) noexcept {
        hook& h = element;
        BFS_ASSERT(!h.linked());
        h.prev_ = place.prev_;
        h.next_ = &place;
        place.prev_->next_ = &h;
        place.prev_ = &h;
    }

    hook head_;
};

} // namespace benchfs
