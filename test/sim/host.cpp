#include "host.hpp"

#include <algorithm>

namespace benchfs::sim {

using benchfs::transport::connection;

host::host(network& n) : network_(n), world_(n.owner()), id_(n.join(*this)) {}

host::~host() {
    BFS_ASSERT(links_.empty() && attempts_.empty());
    network_.leave(id_);
}

void host::gone(const link& l) noexcept {
    std::erase_if(links_, [&](const auto& one) { return one.get() == &l; });
    if (links_.empty()) { empty_.set(); }
}

/// The first packet of a connect(), again and again while the network holds it back.
void host::knock(const std::shared_ptr<attempt>& a, const std::vector<std::byte>& address, time_point since) {
    const auto fail = [&](errc why) {
        a->outcome = why;
        a->settled.set();
    };
    if (!up_) { return fail(errc::shutting_down); }
    if (!a->mine->open()) { return fail(errc::peer_down); }
    host* target = network_.find(address);
    if (target == nullptr || !target->up_) { return fail(errc::peer_down); }
    if (network_.held_until(*this, *target) > world_.now()) {
        if (world_.now() - since > 2s) { return fail(errc::peer_down); }
        world_.after(50ms, [weak = std::weak_ptr(a), address, since] {
            if (const auto still = weak.lock()) { still->mine->owner().knock(still, address, since); }
        });
        return;
    }
    auto theirs = std::make_shared<link>(*target, true);
    target->links_.push_back(theirs);
    a->mine->pair_with(*theirs);
    theirs->known = true;
    world_.note("accept", target->id_, id_);
    target->receiver_->on_accept(*theirs);
    world_.after(network_.latency(*target, *this), [a] {
        if (a->settled.is_set()) { return; }
        a->outcome = a->mine->open() ? errc::ok : errc::peer_down;
        a->settled.set();
    });
}

runtime::task<result<connection*>> host::connect(std::vector<std::byte> address) {
    if (!up_) { co_return errc::shutting_down; }
    auto a = std::make_shared<attempt>();
    a->mine = std::make_shared<link>(*this, false);
    links_.push_back(a->mine);
    attempts_.push_back(a);
    host* target = network_.find(address);
    const duration first = target == nullptr ? world_.between(50us, 5ms) : network_.latency(*this, *target);
    const time_point since = world_.now();
    // The attempt may outlive this host's use of it, never the host: stop() waits for it.
    world_.after(first, [weak = std::weak_ptr(a), address, since] {
        if (const auto still = weak.lock()) { still->mine->owner().knock(still, address, since); }
    });
    const status waited = co_await a->settled.wait();
    std::erase(attempts_, a);
    errc outcome = waited ? a->outcome : waited.error();
    if (outcome == errc::ok && !up_) { outcome = errc::shutting_down; }
    if (outcome == errc::ok && !a->mine->open()) { outcome = errc::peer_down; }
    if (outcome != errc::ok) {
        a->settled.set();
        a->mine->close(outcome);
        if (attempts_.empty() && links_.empty()) { empty_.set(); }
        co_return outcome;
    }
    a->mine->known = true;
    connection* c = a->mine.get();
    co_return c;
}

runtime::task<void> host::stop() {
    if (up_) {
        up_ = false;
        co_await world_.rest(2ms); // what was sent leaves
    }
    const auto attempts = attempts_;
    for (const auto& a : attempts) {
        a->outcome = errc::shutting_down;
        a->settled.set();
    }
    const auto open = links_;
    for (const auto& l : open) { l->close(errc::shutting_down); }
    while (!links_.empty() || !attempts_.empty()) { co_await world_.rest(5us); }
}

void host::crash() noexcept {
    up_ = false;
    network_.leave(id_);
    const auto attempts = attempts_;
    for (const auto& a : attempts) {
        a->outcome = errc::shutting_down;
        a->settled.set();
    }
    const auto open = links_;
    for (const auto& l : open) {
        l->cut();
        l->close(errc::peer_down);
    }
}

} // namespace benchfs::sim
