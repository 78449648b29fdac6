#include "network.hpp"

#include "host.hpp"

#include <algorithm>

namespace benchfs::sim {

std::uint64_t network::join(host& h) {
    hosts_.emplace(++last_, &h);
    return last_;
}

std::vector<std::byte> network::address_of(std::uint64_t id) {
    const const_byte_span bytes = bytes_of(id);
    return {bytes.begin(), bytes.end()};
}

host* network::find(const_byte_span address) const noexcept {
    std::uint64_t id = 0;
    if (address.size() != sizeof(id) || !load(address, id)) { return nullptr; }
    const auto found = hosts_.find(id);
    return found == hosts_.end() ? nullptr : found->second;
}

duration network::latency(const host& from, const host& to) noexcept {
    const std::uint64_t kind = world_.random().below(1000);
    duration d = world_.between(5us, 100us);
    if (kind < 60) { d = world_.between(100us, 4ms); }
    if (kind < 4) { d = world_.between(10ms, 400ms); }
    unsigned factor = 1;
    for (const host* h : {&from, &to}) {
        const auto found = slow_.find(h->id());
        if (found != slow_.end() && found->second.until > world_.now()) {
            factor = std::max(factor, found->second.factor);
        }
    }
    return d * factor;
}

time_point network::held_until(const host& from, const host& to) const noexcept {
    time_point until{};
    const auto pair = parted_.find(std::minmax(from.id(), to.id()));
    if (pair != parted_.end()) { until = pair->second; }
    for (const host* h : {&from, &to}) {
        const auto found = stalled_.find(h->id());
        if (found != stalled_.end()) { until = std::max(until, found->second); }
    }
    return until;
}

void network::part(const host& a, const host& b, duration d) {
    parted_[std::minmax(a.id(), b.id())] = world_.now() + d;
}

void network::stall(const host& h, duration d) { stalled_[h.id()] = world_.now() + d; }

void network::slow(const host& h, unsigned factor, duration d) { slow_[h.id()] = {factor, world_.now() + d}; }

} // namespace benchfs::sim
