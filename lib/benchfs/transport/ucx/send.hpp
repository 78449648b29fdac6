// One active message on its way out.
//
// UCX 1.13 reads the header after ucp_am_send_nbx() has returned a request, so the header lives in a record
// until the send has completed. Records are pooled.
#pragma once

#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/ucx/wire.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <vector>

namespace benchfs::transport::ucx {

class ucx_connection;
class send_pool;

inline constexpr unsigned am_id = 1;

/// How payloads travel. UCX chooses by size; the other two are for tests.
enum class payload_mode : std::uint8_t { automatic, eager, rendezvous };

struct send_record final : deferred {
    explicit send_record(send_pool& home) noexcept : pool(home) {}
    void run() noexcept override;

    /// Starts the send. ok: done, the record can be given back. try_again: the record comes back through run().
    /// Anything else: it failed, likewise done. `prefix` and `header` are copied.
    [[nodiscard]] errc start(worker& w, ucp_ep_h ep, const wire_prefix& prefix, const_byte_span header,
                             const const_segments* payload, payload_mode mode) noexcept;

    send_pool& pool;
    ucx_connection* connection = nullptr;
    send_operation* op = nullptr;      // null for the connection's own messages
    std::vector<std::byte> attachment; // payload of the connection's own messages
    worker* at = nullptr;
    void* request = nullptr;
    ucs_status_t outcome = UCS_OK;
    bool done = false; // set by UCX's callback
    std::byte header_bytes[wire_header_max];
    ucp_dt_iov_t iov[const_segments::capacity];
};

class send_pool {
public:
    send_pool() noexcept = default;
    send_pool(const send_pool&) = delete;
    send_pool& operator=(const send_pool&) = delete;
    ~send_pool();
    [[nodiscard]] send_record& take();
    void give_back(send_record& r) noexcept;
    [[nodiscard]] std::size_t allocated() const noexcept { return allocated_; }

private:
    intrusive_list<deferred> free_;
    std::size_t allocated_ = 0;
};

} // namespace benchfs::transport::ucx
