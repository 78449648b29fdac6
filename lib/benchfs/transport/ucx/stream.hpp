// A byte stream over UCX between two workers: what the transport's messages are not, for tools and benchmarks
// that bring their own protocol.
//
// It shares the transport's worker, has the same failure handling, and must be closed (close() awaited) before
// it is destroyed. One send and one receive may be under way at a time.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/task.hpp"
#include "benchfs/transport/ucx/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace benchfs::transport::ucx {

class stream final : private endpoint_observer {
public:
    /// Connects to a listener at a numeric address (no name is looked up: that would block). peer_down when
    /// nobody listens there, timed_out at the caller's deadline (at most 10 s).
    [[nodiscard]] static runtime::task<result<std::unique_ptr<stream>>> connect(worker& w, std::string host,
                                                                                std::uint16_t port);
    /// For listeners: takes the request over.
    [[nodiscard]] static result<std::unique_ptr<stream>> accept(worker& w, ucp_conn_request_h request);
    ~stream();

    /// Suspends until the bytes may be reused; they may not have arrived yet. A stop of the caller ends the
    /// stream within farewell_limit, because UCX does not give a buffer back otherwise; a send that was under
    /// way may still end well in that time.
    [[nodiscard]] runtime::task<status> send(const_byte_span bytes);
    /// Exactly to.size() bytes, or an error: peer_down when the peer closed or died. What the peer sent before
    /// it closed may be lost with it; a protocol that cares confirms.
    [[nodiscard]] runtime::task<result<std::size_t>> receive(byte_span to);
    /// Flushes briefly what was sent and ends the stream. Runs to its end also when the caller is stopped.
    [[nodiscard]] runtime::task<void> close();
    /// UCX's description of the connection: lanes, devices, thresholds.
    [[nodiscard]] std::string endpoint_info() const { return endpoint_.info(); }
    /// "10.0.0.1:4000" of either end; empty where UCX does not know it.
    [[nodiscard]] std::string local_address() const { return endpoint_.socket_addresses().local; }
    [[nodiscard]] std::string remote_address() const { return endpoint_.socket_addresses().remote; }

    /// After a stop: how long what was sent may take to leave.
    duration farewell_limit = std::chrono::milliseconds(100);

private:
    class operation;

    explicit stream(worker& w) noexcept : worker_(w), endpoint_(w, *this) {}
    [[nodiscard]] runtime::task<status> establish(duration limit);
    [[nodiscard]] runtime::task<status> shut_down();
    void flush(duration limit) noexcept;
    /// Flushes for as long as farewell_limit, then closes; see endpoint.hpp for why.
    void end_soon() noexcept;
    void end() noexcept { endpoint_.force_close(); }
    /// UCX leaves a receive waiting when the peer is gone; closing the endpoint ends it.
    void on_endpoint_failed(errc) noexcept override { end(); }
    void on_endpoint_flushed(errc outcome) noexcept override;
    void on_endpoint_closed() noexcept override;

    worker& worker_;
    endpoint endpoint_;
    bool sending_ = false;
    bool receiving_ = false;
    bool flushing_ = false; // on_endpoint_flushed is due
    bool ending_ = false;   // and closes
    errc flush_outcome_ = errc::ok;
    runtime::event flushed_;
    runtime::event closed_;
};

} // namespace benchfs::transport::ucx
