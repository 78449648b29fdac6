#include "benchfs/base/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace benchfs {

std::uint64_t histogram::middle_of(std::size_t bucket) noexcept {
    if (bucket < 2 * sub) { return bucket; } // these hold one value each
    const std::size_t exponent = bucket / sub - 1;
    const auto low = static_cast<std::uint64_t>(bucket - exponent * sub) << exponent;
    return low + (std::uint64_t{1} << exponent) / 2;
}

std::uint64_t histogram::percentile(double p) const noexcept {
    if (count_ == 0) { return 0; }
    if (!(p > 0.0)) { return min_; }
    if (p >= 100.0) { return max_; }
    const double rank = std::ceil(p / 100.0 * static_cast<double>(count_));
    const auto wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t b = bucket_of(min_); b < total; ++b) {
        seen += buckets_[b];
        if (seen >= wanted) { return std::clamp(middle_of(b), min_, max_); }
    }
    return max_;
}

void histogram::merge(const histogram& other) noexcept {
    for (std::size_t b = 0; b < total; ++b) { buckets_[b] += other.buckets_[b]; }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

} // namespace benchfs
