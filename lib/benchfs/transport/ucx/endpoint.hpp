// A UCX endpoint of our own, with peer failure handling.
//
// UCX's reply endpoints are never used: one that is kept past its callback crashes when the peer dies. The
// error handler only records; closing happens from the loop. An endpoint must be closed (on_endpoint_closed has
// run) before it is destroyed.
//
// Flush before force_close() while the peer may be alive, even if nobody wants what was sent. UCX 1.13 keeps a
// closed TCP endpoint until its bytes have left and the peer's FIN has come; if both happen in one epoll event,
// uct_tcp_iface_handle_events() reads the FIN, which frees the endpoint, and then writes with it.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/timer_wheel.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <string>

namespace benchfs::transport::ucx {

/// Hears of an endpoint's life, from the worker's poll().
class endpoint_observer {
public:
    /// The peer is gone. At most once; the endpoint must still be closed.
    virtual void on_endpoint_failed(errc reason) noexcept = 0;
    /// What was sent before flush() has left (ok), or the time is up, or the endpoint failed.
    virtual void on_endpoint_flushed(errc outcome) noexcept = 0;
    /// UCX is done with it. The endpoint may be destroyed here.
    virtual void on_endpoint_closed() noexcept = 0;

protected:
    ~endpoint_observer() = default;
};

class endpoint final : private runtime::timer {
public:
    endpoint(worker& w, endpoint_observer& observer) noexcept : worker_(w), observer_(observer) {}
    ~endpoint();

    /// To a worker address (UCX's own bytes, which must come from UCX: it checks little).
    [[nodiscard]] status open(const_byte_span worker_address) noexcept;
    /// To a listener's socket address, or for a connection request of a listener of ours.
    [[nodiscard]] status open(const sockaddr* to, socklen_t size) noexcept;
    [[nodiscard]] status open(ucp_conn_request_h request) noexcept;

    [[nodiscard]] ucp_ep_h handle() const noexcept { return handle_; }
    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr && !closing_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] bool flushing() const noexcept { return flush_asked_ || flush_request_ != nullptr; }

    /// Once. Calls on_endpoint_flushed later, also when nothing was outstanding.
    void flush(duration limit) noexcept;
    /// A flush under way ends within `limit` from now.
    void hurry(duration limit) noexcept;
    /// Closes by force: outstanding requests complete early. Calls on_endpoint_closed later.
    void force_close() noexcept;
    struct addresses {
        std::string local;
        std::string remote;
    };
    /// "10.0.0.1:4000"; empty for an endpoint that was not opened by a socket address.
    [[nodiscard]] addresses socket_addresses() const;
    /// UCX's description of it, several lines.
    [[nodiscard]] std::string info() const;

private:
    class item final : public deferred {
    public:
        using action = void (endpoint::*)() noexcept;
        item(endpoint& self, action what) noexcept : self_(self), what_(what) {}
        void run() noexcept override { (self_.*what_)(); }

    private:
        endpoint& self_;
        action what_;
    };

    [[nodiscard]] status create(ucp_ep_params_t& params) noexcept;
    static void on_error(void* self, ucp_ep_h ep, ucs_status_t status);
    static void on_flush_done(void* request, ucs_status_t status, void* self);
    static void on_close_done(void* request, ucs_status_t status, void* self);
    void on_timer() noexcept override;
    void report_failure() noexcept;
    void report_flush() noexcept;
    void finish_close() noexcept;
    void answer_flush(errc outcome) noexcept;

    worker& worker_;
    endpoint_observer& observer_;
    ucp_ep_h handle_ = nullptr;
    void* flush_request_ = nullptr;
    void* close_request_ = nullptr;
    ucs_status_t failure_ = UCS_OK;
    ucs_status_t flush_status_ = UCS_OK;
    bool failed_ = false;
    bool closing_ = false;
    bool flush_asked_ = false; // on_endpoint_flushed is due
    item failure_item_{*this, &endpoint::report_failure};
    item flush_item_{*this, &endpoint::report_flush};
    item close_item_{*this, &endpoint::finish_close};
};

} // namespace benchfs::transport::ucx
