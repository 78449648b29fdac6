// Latencies in logarithmic buckets: fixed memory (15 KiB), any 64-bit value, at most 1.6 % error.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace benchfs {

class histogram {
public:
    void record(std::uint64_t ns) noexcept {
        ++buckets_[bucket_of(ns)];
        ++count_;
        sum_ += ns;
        if (ns < min_) { min_ = ns; }
        if (ns > max_) { max_ = ns; }
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// Exact; 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] double mean() const noexcept {
        return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
    }

    /// The value below which p per cent (0..100) of the records are; 0 when there are none. percentile(0) and
    /// percentile(100) are the exact minimum and maximum.
    [[nodiscard]] std::uint64_t percentile(double p) const noexcept;

    void merge(const histogram& other) noexcept;
    void clear() noexcept { *this = histogram{}; }

private:
    // 32 buckets for each power of two; reporting a bucket's middle halves the error of its width.
    static constexpr unsigned sub_bits = 5;
    static constexpr std::size_t sub = std::size_t{1} << sub_bits;
    static constexpr std::size_t total = (64 - sub_bits + 1) * sub;

    [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t v) noexcept {
        if (v < sub) { return static_cast<std::size_t>(v); }
        const unsigned exponent = static_cast<unsigned>(std::bit_width(v)) - 1 - sub_bits;
        return static_cast<std::size_t>(exponent) * sub + static_cast<std::size_t>(v >> exponent);
    }
    [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket) noexcept;

    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
    std::array<std::uint64_t, total> buckets_{};
};

} // namespace benchfs
