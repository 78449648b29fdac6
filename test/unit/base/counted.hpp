// An object that knows how many of its kind are alive: for leaks, double destruction and moved-from survivors.
#pragma once

#include <cstdint>
#include <utility>

namespace benchfs::test {

struct tally {
    int made = 0;
    int destroyed = 0;
    [[nodiscard]] int alive() const { return made - destroyed; }
};

class counted {
public:
    explicit counted(tally& t, int value = 0) : value_(value), tally_(&t) { ++tally_->made; }
    counted(const counted& other) : value_(other.value_), tally_(other.tally_) { ++tally_->made; }
    counted(counted&& other) noexcept : value_(std::exchange(other.value_, -1)), tally_(other.tally_) {
        ++tally_->made;
    }
    counted& operator=(const counted&) = delete;
    counted& operator=(counted&& other) noexcept {
        value_ = std::exchange(other.value_, -1);
        return *this;
    }
    ~counted() {
        ++tally_->destroyed;
        value_ = -2;
    }
    /// -1 after a move, -2 after destruction.
    [[nodiscard]] int value() const { return value_; }

private:
    int value_;
    tally* tally_;
};

} // namespace benchfs::test
