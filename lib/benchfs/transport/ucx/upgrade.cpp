// The exchange that puts a better path on a connection: ask, offer, ready, go. See path.hpp.
#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/connection.hpp"
#include "benchfs/transport/ucx/transport.hpp"

#include <algorithm>

namespace benchfs::transport::ucx {
namespace {

constexpr std::size_t offer_max = 768;

} // namespace

runtime::task<status> ucx_connection::upgrade() {
    if (server_side_) { co_return errc::not_supported; }
    if (state_ != state::open) { co_return reason_ == errc::ok ? errc::peer_down : reason_; }
    if (path_ != nullptr) { co_return ok(); }
    const bool required = owner_.requires_path();
    if (owner_.paths() == nullptr) { co_return required ? status(errc::not_supported) : ok(); }
    if (answer_ != nullptr) { co_return errc::busy; }
    const runtime::call_context& context = co_await runtime::current_context();
    const time_point deadline = std::min(context.deadline, context.owner->now() + owner_.handshake_limit());
    answer a;
    wait_for(a, deadline);
    upgrade_ = upgrade_state::asked;
    (void)control(wire_kind::upgrade_ask);
    const status waited = co_await a.settled.wait();
    if (a.gone) { co_return a.outcome; } // the connection may not exist any more
    if (!waited) { stop_waiting(); }
    const errc outcome = waited ? a.outcome : waited.error();
    if (outcome == errc::ok) { co_return ok(); }
    if (upgrade_ == upgrade_state::ready) {
        // The server may have switched already; nobody can tell, so start afresh.
        close(outcome);
        co_return outcome;
    }
    upgrade_ = upgrade_state::none;
    // Not being trusted yet is the caller's mistake; having no shared memory is nobody's.
    if (!waited || outcome == errc::access_denied || outcome == errc::timed_out) { co_return outcome; }
    BFS_LOG_INFO("ucx", "%s: stays on the network (%.*s)", describe().c_str(),
                 static_cast<int>(benchfs::message(outcome).size()), benchfs::message(outcome).data());
    co_return required ? status(outcome) : ok();
}

void ucx_connection::on_upgrade(wire_kind kind, const_byte_span rest, std::uint64_t extra) noexcept {
    // Each side takes only what its role and state expect; the rest comes late or from a liar.
    if (server_side_) {
        if (kind == wire_kind::upgrade_ask) { return make_offer(); }
        if (upgrade_ != upgrade_state::offered) { return; }
        if (kind == wire_kind::upgrade_ready) { return confirm_path(); }
        if (kind == wire_kind::upgrade_declined) {
            drop_candidate(errc::cancelled);
            upgrade_ = upgrade_state::none;
        }
        return;
    }
    switch (kind) {
    case wire_kind::upgrade_offer:
        return take_offer(rest);
    case wire_kind::upgrade_no: {
        if (upgrade_ != upgrade_state::asked && upgrade_ != upgrade_state::ready) { return; }
        const errc why = from_wire(static_cast<std::int32_t>(extra));
        drop_candidate(errc::cancelled);
        upgrade_ = upgrade_state::none;
        return settle(why == errc::ok ? errc::not_supported : why);
    }
    case wire_kind::upgrade_go:
        if (upgrade_ != upgrade_state::ready) { return; }
        switch_path();
        return settle(errc::ok);
    default:
        return;
    }
}

void ucx_connection::refuse_upgrade(errc why) noexcept {
    upgrade_ = upgrade_state::none;
    (void)control(wire_kind::upgrade_no, {}, static_cast<std::uint64_t>(static_cast<std::int32_t>(why)));
}

/// Server: the client asks.
void ucx_connection::make_offer() noexcept {
    if (upgrade_ == upgrade_state::done) { return; }
    if (!trusted_) { return refuse_upgrade(errc::access_denied); }
    if (owner_.paths() == nullptr) { return refuse_upgrade(errc::not_supported); }
    drop_candidate(errc::cancelled); // of an earlier attempt that the client gave up
    std::vector<std::byte> blob;
    result<std::unique_ptr<benchfs::transport::path>> offered = owner_.paths()->offer(*this, blob);
    if (!offered) {
        owner_.log_path_failure("cannot offer", *this, offered.error());
        return refuse_upgrade(offered.error());
    }
    candidate_ = *std::move(offered);
    BFS_ASSERT(blob.size() <= offer_max);
    upgrade_ = upgrade_state::offered;
    (void)control(wire_kind::upgrade_offer, blob);
}

/// Client: the server offers.
void ucx_connection::take_offer(const_byte_span blob) noexcept {
    if (upgrade_ != upgrade_state::asked || owner_.paths() == nullptr || blob.size() > offer_max) {
        (void)control(wire_kind::upgrade_declined);
        return;
    }
    result<std::unique_ptr<benchfs::transport::path>> accepted = owner_.paths()->accept(*this, blob);
    if (!accepted) {
        upgrade_ = upgrade_state::none;
        (void)control(wire_kind::upgrade_declined);
        owner_.log_path_failure("cannot use", *this, accepted.error());
        return settle(accepted.error());
    }
    candidate_ = *std::move(accepted);
    upgrade_ = upgrade_state::ready;
    (void)control(wire_kind::upgrade_ready);
}

/// Server: the client says that it has reached the path.
void ucx_connection::confirm_path() noexcept {
    if (!candidate_->confirm()) {
        drop_candidate(errc::cancelled);
        owner_.log_path_failure("cannot share", *this, errc::not_supported);
        return refuse_upgrade(errc::not_supported);
    }
    switch_path();
    (void)control(wire_kind::upgrade_go);
}

void ucx_connection::switch_path() noexcept {
    upgrade_ = upgrade_state::done;
    path_ = std::move(candidate_);
    path_->start();
    BFS_LOG_DEBUG("ucx", "%s: switched to %.*s", describe().c_str(), static_cast<int>(path_->name().size()),
                  path_->name().data());
}

void ucx_connection::drop_candidate(errc why) noexcept {
    if (candidate_ == nullptr) { return; }
    candidate_->shut(why);
    candidate_.reset();
}

} // namespace benchfs::transport::ucx
