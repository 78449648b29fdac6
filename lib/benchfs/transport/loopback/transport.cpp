#include "benchfs/transport/loopback/transport.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace benchfs::transport {
namespace {

// How long stop() waits for peers to take what was sent.
constexpr duration flush_limit = std::chrono::milliseconds(100);

} // namespace

loopback_transport::loopback_transport(runtime::loop& l, loopback_network& network)
    : loop_(l), network_(network), id_(network.join(*this)) {
    loop_.add(*this);
}

loopback_transport::~loopback_transport() {
    BFS_ASSERT(connections_.empty());
    if (phase_ == stop_phase::running) { network_.leave(id_); }
    wake_up_.cancel();
    loop_.remove(*this);
}

std::vector<std::byte> loopback_transport::address() const { return loopback_network::address_of(id_); }

loopback_connection& loopback_transport::add(bool server_side) {
    loopback_connection& c = connections_.emplace_back(*this, server_side);
    c.place = std::prev(connections_.end());
    return c;
}

void loopback_transport::activate(loopback_connection& c) noexcept {
    if (!c.linked()) { active_.push_back(c); }
}

runtime::task<result<connection*>> loopback_transport::connect(std::vector<std::byte> address) {
    if (phase_ != stop_phase::running) { co_return errc::shutting_down; }
    loopback_transport* target = network_.find(address);
    if (target == nullptr) { co_return errc::peer_down; }
    BFS_ASSERT(receiver_ != nullptr && target->receiver_ != nullptr);
    loopback_connection& mine = add(false);
    mine.pair_with(target->add(true));
    const status waited = co_await mine.settled.wait();
    // The end may have come between the wake-up and here.
    if (!waited) { mine.close(waited.error()); }
    if (mine.end_reason() != errc::ok) {
        const errc reason = mine.end_reason();
        mine.close(reason);
        connections_.erase(mine.place);
        check_stopping();
        co_return reason;
    }
    mine.handed_out = true;
    connection* c = &mine;
    co_return c;
}

bool loopback_transport::poll() noexcept {
    if (active_.empty()) { return false; }
    // Only what is active now: a callback's own traffic has its turn in the next poll.
    intrusive_list<loopback_connection> current;
    current.splice_back(active_);
    const time_point now = loop_.now();
    bool worked = false;
    while (!current.empty()) {
        loopback_connection& c = current.pop_front();
        worked = worked || c.next_work() <= now;
        if (!c.step(now)) {
            connections_.erase(c.place);
            continue;
        }
        if (c.next_work() != time_point::max()) { activate(c); }
    }
    check_stopping();
    return worked;
}

bool loopback_transport::prepare_sleep() noexcept {
    time_point next = time_point::max();
    active_.for_each([&](loopback_connection& c) { next = std::min(next, c.next_work()); });
    if (next <= loop_.now()) { return false; }
    if (next != time_point::max()) { loop_.arm(wake_up_, next); }
    return true;
}

/// Suspends stop() until its phase is over. It listens to no stop request: a shutdown always ends by itself.
class loopback_transport::phase_end {
public:
    explicit phase_end(loopback_transport& self) noexcept : self_(self) {}
    [[nodiscard]] bool await_ready() const noexcept { return self_.phase_done(); }
    void await_suspend(std::coroutine_handle<> caller) const noexcept { self_.stopper_ = caller; }
    void await_resume() const noexcept {}

private:
    loopback_transport& self_;
};

void loopback_transport::stop_limit::on_timer() noexcept { self_.check_stopping(); }

bool loopback_transport::phase_done() const noexcept {
    if (phase_ == stop_phase::closing) { return connections_.empty(); }
    return !limit_.armed() || std::ranges::all_of(connections_, &loopback_connection::flushed);
}

void loopback_transport::check_stopping() noexcept {
    if (stopper_ && phase_done()) { loop_.ready().push(std::exchange(stopper_, {})); }
}

runtime::task<void> loopback_transport::stop() {
    if (phase_ != stop_phase::running) { co_return; }
    phase_ = stop_phase::flushing;
    network_.leave(id_);
    loop_.arm(limit_, loop_.now() + flush_limit);
    phase_end flushed(*this);
    co_await flushed;
    limit_.cancel();
    phase_ = stop_phase::closing;
    for (loopback_connection& c : connections_) { c.close(errc::shutting_down); }
    phase_end closed(*this);
    co_await closed;
}

} // namespace benchfs::transport
