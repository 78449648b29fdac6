#include "benchfs/rpc/tracer.hpp"

#include <algorithm>
#include <new>

namespace benchfs::rpc {
namespace {

constexpr duration kept_for = std::chrono::seconds(60); // after the end

} // namespace

status tracer::begin(const trace_control::request& asked) {
    if (asked.id == 0 || asked.spans == 0 || asked.spans > trace_control::spans_max) {
        return errc::invalid_argument;
    }
    if (asked.limit_ns == 0 || asked.limit_ns > trace_control::limit_max_ns) { return errc::invalid_argument; }
    if (on_) { return asked.id == id_ ? errc::ok : errc::busy; }
    release();
    try {
        ring_.resize(asked.spans);
    } catch (const std::bad_alloc&) { return errc::no_memory; }
    id_ = asked.id;
    recorded_ = 0;
    on_ = true;
    skip_mask_ = 0;
    loop_.arm(*this, loop_.now() + std::chrono::nanoseconds(asked.limit_ns));
    return ok();
}

status tracer::end(std::uint64_t id) {
    if (id == 0 || id != id_) { return errc::not_found; }
    if (on_) { stop(); }
    return ok();
}

status tracer::drop(std::uint64_t id) {
    BFS_CHECK(end(id));
    release();
    return ok();
}

void tracer::stop() noexcept {
    on_ = false;
    skip_mask_ = sample_mask;
    loop_.arm(*this, loop_.now() + kept_for);
}

void tracer::release() noexcept {
    cancel();
    id_ = 0;
    recorded_ = 0;
    ring_ = {};
}

void tracer::on_timer() noexcept {
    if (on_) {
        stop();
    } else {
        release();
    }
}

result<std::vector<wire_span>> tracer::page(std::uint64_t id, std::uint64_t from, std::size_t room) const {
    if (id == 0 || id != id_) { return errc::not_found; }
    if (on_) { return errc::busy; }
    const std::uint64_t count = from < kept() ? std::min<std::uint64_t>(kept() - from, room) : 0;
    std::vector<wire_span> out;
    out.reserve(static_cast<std::size_t>(count));
    const std::uint64_t oldest = recorded_ - kept();
    for (std::uint64_t i = 0; i < count; ++i) {
        out.push_back(ring_[static_cast<std::size_t>((oldest + from + i) % ring_.size())]);
    }
    return out;
}

trace_control::reply tracer::figures() const noexcept {
    return {static_cast<std::uint64_t>(loop_.read_clock().time_since_epoch().count()), recorded_,
            recorded_ - kept()};
}

} // namespace benchfs::rpc
