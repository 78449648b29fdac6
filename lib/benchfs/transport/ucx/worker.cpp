#include "benchfs/transport/ucx/worker.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/interface_settings.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <chrono>

namespace benchfs::transport::ucx {
namespace {

using namespace std::chrono_literals;

// After something was sent or arrived, an answer is likely soon.
constexpr duration hot_time = 500us;
// Progress over tcp is a system call of about 0.4 us; windows are polled in the same turns.
constexpr duration hot_pause = 1us;
// Requests at UCX that nobody waits for eagerly.
constexpr duration busy_pause = 50us;
constexpr unsigned rounds_a_turn = 8;
constexpr unsigned rounds_before_sleep = 256;
constexpr unsigned deferred_a_turn = 128;
constexpr int quiet_rounds_before_end = 200;
constexpr int rounds_before_end = 20'000;

} // namespace

worker::worker(runtime::loop& l, std::unique_ptr<context> c, ucp_worker_h handle, int event_fd)
    : loop_(l), context_(std::move(c)), handle_(handle), event_fd_(event_fd) {
    loop_.add(*this);
}

result<std::unique_ptr<worker>> worker::create(runtime::loop& l, std::unique_ptr<context> c) {
    ucp_worker_params_t params{};
    params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
    params.thread_mode = UCS_THREAD_MODE_SERIALIZED; // the C API: any thread, in turn
    ucp_worker_h handle = nullptr;
    ucs_status_t done = UCS_OK;
    {
        const interface_settings settings(c->options().shared_memory);
        done = ucp_worker_create(c->handle(), &params, &handle);
    }
    if (done != UCS_OK) {
        BFS_LOG_ERROR("ucx", "Failed to create UCX worker on %s: %s; check UCX_TLS and UCX_NET_DEVICES",
                      c->resources().c_str(), ucs_status_string(done));
        return to_errc(done);
    }
    int event_fd = -1;
    done = ucp_worker_get_efd(handle, &event_fd);
    if (done != UCS_OK) {
        BFS_LOG_ERROR("ucx", "UCX gives no event fd on %s: %s; choose other transports with UCX_TLS",
                      c->resources().c_str(), ucs_status_string(done));
        ucp_worker_destroy(handle);
        return errc::not_supported;
    }
    std::unique_ptr<worker> made(new worker(l, std::move(c), handle, event_fd));
    BFS_CHECK(made->learn_attributes());
    return made;
}

status worker::learn_attributes() {
    ucp_worker_attr_t attributes{};
    attributes.field_mask = UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER | UCP_WORKER_ATTR_FIELD_ADDRESS;
    const ucs_status_t done = ucp_worker_query(handle_, &attributes);
    if (done != UCS_OK) {
        BFS_LOG_ERROR("ucx", "UCX does not tell its worker's address: %s", ucs_status_string(done));
        return to_errc(done);
    }
    header_max_ = attributes.max_am_header;
    const auto* raw = reinterpret_cast<const std::byte*>(attributes.address);
    address_.assign(raw, raw + attributes.address_length);
    ucp_worker_release_address(handle_, attributes.address);
    return {};
}

worker::~worker() {
    loop_.remove(*this);
    if (watching_ && loop_.poller() != nullptr) { loop_.poller()->unwatch(*this); }
    while (!deferred_.empty()) { deferred_.pop_front().discard(); }
    BFS_ASSERT(held.endpoints == 0);
    BFS_ASSERT(held.requests == 0);
    BFS_ASSERT(held.payloads == 0);
    // UCX 1.13 aborts when it is destroyed while an answer to a peer's wire-up is still to be sent.
    for (int quiet = 0, rounds = 0; quiet < quiet_rounds_before_end && rounds < rounds_before_end; ++rounds) {
        quiet = ucp_worker_progress(handle_) == 0 ? quiet + 1 : 0;
    }
    while (!deferred_.empty()) { deferred_.pop_front().discard(); }
    ucp_worker_destroy(handle_);
    // What arrived during the last breath of UCX.
    while (!deferred_.empty()) { deferred_.pop_front(); }
}

bool worker::run_deferred() noexcept {
    unsigned ran = 0;
    while (ran < deferred_a_turn && !deferred_.empty()) {
        deferred_.pop_front().run();
        ++ran;
    }
    return ran != 0;
}

bool worker::progress(unsigned rounds_max) noexcept {
    unsigned done = 0;
    while (done < rounds_max) {
        ++rounds_;
        if (ucp_worker_progress(handle_) == 0) { break; }
        ++done;
    }
    if (done != 0) { armed_ = false; }
    return done != 0;
}

bool worker::arm() noexcept {
    runtime::fd_poller* poller = loop_.poller();
    if (poller == nullptr) { return false; }
    const ucs_status_t done = ucp_worker_arm(handle_);
    if (done != UCS_OK) {
        if (done != UCS_ERR_BUSY && !arm_failed_) {
            arm_failed_ = true;
            BFS_LOG_WARN("ucx", "cannot arm the worker (%s): the loop polls instead of sleeping",
                         ucs_status_string(done));
        }
        return false;
    }
    armed_ = true;
    fired_ = false;
    if (!watching_) {
        watching_ = true;
        poller->watch(event_fd_, *this);
    }
    return true;
}

void worker::on_readable(errc error) noexcept {
    watching_ = false;
    armed_ = false;
    fired_ = true;
    if (error != errc::ok) {
        BFS_LOG_DEBUG("ucx", "watching the event fd ended: %.*s", static_cast<int>(benchfs::message(error).size()),
                      benchfs::message(error).data());
    }
}

bool worker::poll() noexcept {
    bool worked = run_deferred();
    if (loop_.poller() == nullptr) {
        worked = progress(rounds_a_turn) || worked;
        return run_deferred() || worked;
    }
    if (armed_ && !touched_ && held.requests == 0) { return worked; }
    const time_point now = loop_.now();
    if (touched_) {
        touched_ = false;
        hot_until_ = now + hot_time;
    }
    const bool hot = now < hot_until_;
    if (armed_ && !hot && held.requests == 0) { return worked; }
    if (!fired_ && now - last_progress_ < (hot ? hot_pause : busy_pause)) { return worked; }
    fired_ = false;
    last_progress_ = now;
    if (progress(rounds_a_turn)) {
        worked = true;
    } else if (!hot && !armed_) {
        (void)arm(); // busy: look again after the pause
    }
    return run_deferred() || worked;
}

bool worker::prepare_sleep() noexcept {
    if (!deferred_.empty()) { return false; }
    if (progress(rounds_before_sleep)) { touched_ = true; }
    if (!deferred_.empty()) { return false; }
    return arm();
}

} // namespace benchfs::transport::ucx
