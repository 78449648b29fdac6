#include "benchfs/transport/ucx/send.hpp"

#include "benchfs/transport/ucx/connection.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <cstring>

namespace benchfs::transport::ucx {

send_pool::~send_pool() {
    while (!free_.empty()) { delete static_cast<send_record*>(&free_.pop_front()); }
}

send_record& send_pool::take() {
    if (free_.empty()) {
        ++allocated_;
        return *new send_record(*this);
    }
    return static_cast<send_record&>(free_.pop_front());
}

void send_pool::give_back(send_record& r) noexcept {
    r.op = nullptr;
    r.connection = nullptr;
    r.attachment.clear();
    free_.push_front(r);
}

void send_record::run() noexcept {
    ucp_request_free(request);
    request = nullptr;
    --at->held.requests;
    connection->on_send_done(*this, to_errc(outcome));
}

errc send_record::start(worker& w, ucp_ep_h ep, const wire_prefix& prefix, const_byte_span header,
                        const const_segments* payload, payload_mode mode) noexcept {
    std::memcpy(header_bytes, &prefix, sizeof(prefix));
    if (!header.empty()) { std::memcpy(header_bytes + sizeof(prefix), header.data(), header.size()); }
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA |
                          UCP_OP_ATTR_FIELD_DATATYPE | UCP_OP_ATTR_FIELD_FLAGS;
    params.cb.send = [](void*, ucs_status_t status, void* user) {
        auto& record = *static_cast<send_record*>(user);
        record.outcome = status;
        record.done = true;
        record.at->defer(record);
    };
    params.user_data = this;
    params.datatype = ucp_dt_make_contig(1);
    const std::size_t bytes = payload == nullptr ? 0 : payload->bytes();
    const void* buffer = nullptr;
    std::size_t count = bytes;
    if (bytes != 0) {
        const std::size_t parts = join_neighbours(*payload, iov);
        buffer = parts == 1 ? iov[0].buffer : iov;
        if (parts != 1) {
            count = parts;
            params.datatype = UCP_DATATYPE_IOV;
        }
    }
    if (mode == payload_mode::eager) { params.flags = UCP_AM_SEND_FLAG_EAGER; }
    if (mode == payload_mode::rendezvous && bytes != 0) { params.flags = UCP_AM_SEND_FLAG_RNDV; }
    at = &w;
    done = false;
    w.touch();
    void* sent =
        ucp_am_send_nbx(ep, am_id, header_bytes, sizeof(prefix) + header.size(), buffer, count, &params);
    if (sent == nullptr) { return errc::ok; }
    if (UCS_PTR_IS_ERR(sent)) {
        const errc why = to_errc(UCS_PTR_STATUS(sent));
        return why == errc::try_again ? errc::no_memory : why;
    }
    request = sent;
    ++w.held.requests;
    return errc::try_again;
}

} // namespace benchfs::transport::ucx
