// A bounded record of answered calls, only while somebody has asked for it.
//
// Its memory is taken when a trace begins and given back when it is dropped, or by itself; recording allocates
// nothing. While none is on it costs nothing: the server decides per call whether to measure it, by a mask that
// lies here, and only what was measured is recorded.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/rpc/messages/trace.hpp"
#include "benchfs/runtime/loop.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace benchfs::rpc {

class tracer final : private runtime::timer {
public:
    explicit tracer(runtime::loop& loop) noexcept : loop_(loop) {}

    /// See trace_control. A repeat of the one that is on changes nothing.
    [[nodiscard]] status begin(const trace_control::request& asked);
    [[nodiscard]] status end(std::uint64_t id);
    [[nodiscard]] status drop(std::uint64_t id);
    /// At most `room` spans from number `from` on; busy, not_found.
    [[nodiscard]] result<std::vector<wire_span>> page(std::uint64_t id, std::uint64_t from,
                                                      std::size_t room) const;

    [[nodiscard]] bool on() const noexcept { return on_; }
    [[nodiscard]] trace_control::reply figures() const noexcept;

    /// Calls whose number has none of these bits are measured: one in 32, or all while a trace is on.
    [[nodiscard]] std::uint64_t skip_mask() const noexcept { return skip_mask_; }
    /// Only while one is on.
    void record(const wire_span& one) noexcept {
        ring_[static_cast<std::size_t>(recorded_ % ring_.size())] = one;
        ++recorded_;
    }

private:
    static constexpr std::uint64_t sample_mask = 31;
    void on_timer() noexcept override;
    void stop() noexcept;
    void release() noexcept;
    [[nodiscard]] std::uint64_t kept() const noexcept {
        return recorded_ < ring_.size() ? recorded_ : ring_.size();
    }

    runtime::loop& loop_;
    std::uint64_t skip_mask_ = sample_mask;
    bool on_ = false;
    std::uint64_t id_ = 0; // 0: none
    std::uint64_t recorded_ = 0;
    std::vector<wire_span> ring_;
};

} // namespace benchfs::rpc
