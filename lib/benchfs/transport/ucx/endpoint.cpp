#include "benchfs/transport/ucx/endpoint.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace benchfs::transport::ucx {

namespace {

constexpr int rounds_before_close = 2;

std::string text_of(const sockaddr_storage& address) {
    char host[INET6_ADDRSTRLEN] = {};
    if (address.ss_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
        if (::inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host) == nullptr) { return {}; }
        return std::string(host) + ":" + std::to_string(ntohs(v4->sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
        if (::inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host) == nullptr) { return {}; }
        return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6->sin6_port));
    }
    return {};
}

} // namespace

endpoint::~endpoint() {
    BFS_ASSERT(handle_ == nullptr);
    cancel();
}

status endpoint::open(const_byte_span worker_address) noexcept {
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
    params.address = reinterpret_cast<const ucp_address_t*>(worker_address.data());
    return create(params);
}

status endpoint::open(const sockaddr* to, socklen_t size) noexcept {
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_SOCK_ADDR | UCP_EP_PARAM_FIELD_FLAGS;
    params.flags = UCP_EP_PARAMS_FLAGS_CLIENT_SERVER;
    params.sockaddr.addr = to;
    params.sockaddr.addrlen = size;
    return create(params);
}

status endpoint::open(ucp_conn_request_h request) noexcept {
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_CONN_REQUEST;
    params.conn_request = request;
    return create(params);
}

status endpoint::create(ucp_ep_params_t& params) noexcept {
    BFS_ASSERT(handle_ == nullptr && !closing_);
    params.field_mask |= UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    params.err_handler.cb = &endpoint::on_error;
    params.err_handler.arg = this;
    const ucs_status_t done = ucp_ep_create(worker_.handle(), &params, &handle_);
    if (done != UCS_OK) {
        handle_ = nullptr;
        BFS_LOG_DEBUG("ucx", "no endpoint: %s", ucs_status_string(done));
        return to_errc(done);
    }
    ++worker_.held.endpoints;
    worker_.touch();
    return {};
}

void endpoint::on_error(void* self, ucp_ep_h, ucs_status_t status) {
    auto& e = *static_cast<endpoint*>(self);
    if (e.failed_ || e.closing_) { return; }
    e.failed_ = true;
    e.failure_ = status;
    e.worker_.defer(e.failure_item_);
}

void endpoint::report_failure() noexcept {
    if (closing_) { return; }
    BFS_LOG_DEBUG("ucx", "endpoint failed: %s", ucs_status_string(failure_));
    observer_.on_endpoint_failed(errc::peer_down);
}

void endpoint::flush(duration limit) noexcept {
    BFS_ASSERT(is_open() && !flush_asked_ && flush_request_ == nullptr);
    flush_asked_ = true;
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    params.cb.send = &endpoint::on_flush_done;
    params.user_data = this;
    void* request = ucp_ep_flush_nbx(handle_, &params);
    worker_.touch();
    if (UCS_PTR_IS_PTR(request)) {
        flush_request_ = request;
        ++worker_.held.requests;
        worker_.owner().arm(*this, worker_.owner().now() + limit);
        return;
    }
    flush_status_ = UCS_PTR_STATUS(request);
    worker_.defer(flush_item_);
}

void endpoint::hurry(duration limit) noexcept {
    if (flush_request_ != nullptr && armed()) { worker_.owner().arm(*this, worker_.owner().now() + limit); }
}

void endpoint::on_flush_done(void*, ucs_status_t status, void* self) {
    auto& e = *static_cast<endpoint*>(self);
    e.flush_status_ = status;
    e.worker_.defer(e.flush_item_);
}

void endpoint::report_flush() noexcept {
    if (flush_request_ != nullptr) {
        ucp_request_free(flush_request_);
        flush_request_ = nullptr;
        --worker_.held.requests;
    }
    const bool closed = closing_ && close_request_ == nullptr;
    answer_flush(to_errc(flush_status_));
    if (closed) { worker_.defer(close_item_); }
}

void endpoint::on_timer() noexcept { answer_flush(errc::timed_out); }

void endpoint::answer_flush(errc outcome) noexcept {
    cancel();
    if (!std::exchange(flush_asked_, false) || closing_) { return; }
    observer_.on_endpoint_flushed(outcome);
}

void endpoint::force_close() noexcept {
    if (closing_) { return; }
    closing_ = true;
    cancel();
    failure_item_.unlink();
    if (handle_ == nullptr) {
        worker_.defer(close_item_);
        return;
    }
    // A flush can end before UCX has stopped watching the socket for room: that takes a round.
    for (int round = 0; round < rounds_before_close && !failed_; ++round) { worker_.progress_once(); }
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    params.flags = UCP_EP_CLOSE_FLAG_FORCE;
    params.cb.send = &endpoint::on_close_done;
    params.user_data = this;
    void* request = ucp_ep_close_nbx(handle_, &params);
    worker_.touch();
    if (UCS_PTR_IS_PTR(request)) {
        close_request_ = request;
        ++worker_.held.requests;
        return;
    }
    if (UCS_PTR_IS_ERR(request)) {
        BFS_LOG_DEBUG("ucx", "closing an endpoint: %s", ucs_status_string(UCS_PTR_STATUS(request)));
    }
    worker_.defer(close_item_);
}

void endpoint::on_close_done(void*, ucs_status_t, void* self) {
    auto& e = *static_cast<endpoint*>(self);
    e.worker_.defer(e.close_item_);
}

void endpoint::finish_close() noexcept {
    if (close_request_ != nullptr) {
        ucp_request_free(close_request_);
        close_request_ = nullptr;
        --worker_.held.requests;
    }
    if (flush_request_ != nullptr) { return; } // its end comes back here
    if (handle_ != nullptr) {
        handle_ = nullptr;
        --worker_.held.endpoints;
    }
    observer_.on_endpoint_closed();
}

endpoint::addresses endpoint::socket_addresses() const {
    if (handle_ == nullptr || closing_) { return {}; }
    ucp_ep_attr_t attributes{};
    attributes.field_mask = UCP_EP_ATTR_FIELD_LOCAL_SOCKADDR | UCP_EP_ATTR_FIELD_REMOTE_SOCKADDR;
    if (ucp_ep_query(handle_, &attributes) != UCS_OK) { return {}; }
    addresses both;
    both.local = text_of(attributes.local_sockaddr);
    both.remote = text_of(attributes.remote_sockaddr);
    return both;
}

std::string endpoint::info() const {
    if (handle_ == nullptr || closing_) { return {}; }
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* memory = ::open_memstream(&text, &size);
    if (memory == nullptr) { return {}; }
    ucp_ep_print_info(handle_, memory);
    std::fclose(memory);
    std::string answer(text, size);
    std::free(text);
    return answer;
}

} // namespace benchfs::transport::ucx
