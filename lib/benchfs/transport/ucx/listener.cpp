#include "benchfs/transport/ucx/listener.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <netinet/in.h>

namespace benchfs::transport::ucx {

result<std::unique_ptr<listener>> listener::create(worker& w, std::uint16_t port) {
    std::unique_ptr<listener> made(new listener(w));
    BFS_CHECK(made->listen(port));
    return made;
}

status listener::listen(std::uint16_t port) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    any.sin_port = htons(port);
    ucp_listener_params_t params{};
    params.field_mask = UCP_LISTENER_PARAM_FIELD_SOCK_ADDR | UCP_LISTENER_PARAM_FIELD_CONN_HANDLER;
    params.sockaddr.addr = reinterpret_cast<const sockaddr*>(&any);
    params.sockaddr.addrlen = sizeof(any);
    params.conn_handler.cb = &listener::on_request;
    params.conn_handler.arg = this;
    const ucs_status_t done = ucp_listener_create(worker_.handle(), &params, &handle_);
    if (done != UCS_OK) {
        handle_ = nullptr;
        BFS_LOG_ERROR("ucx", "cannot listen on port %u: %s; choose another port, or 0 for any", unsigned{port},
                      ucs_status_string(done));
        return done == UCS_ERR_BUSY ? errc::address_in_use : to_errc(done);
    }
    ucp_listener_attr_t attributes{};
    attributes.field_mask = UCP_LISTENER_ATTR_FIELD_SOCKADDR;
    const ucs_status_t asked = ucp_listener_query(handle_, &attributes);
    if (asked != UCS_OK) { return to_errc(asked); }
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&attributes.sockaddr)->sin_port);
    return {};
}

listener::~listener() {
    arrival_.unlink();
    if (handle_ == nullptr) { return; }
    for (; count_ != 0; --count_) {
        (void)ucp_listener_reject(handle_, waiting_[first_]);
        first_ = (first_ + 1) % backlog;
    }
    ucp_listener_destroy(handle_);
}

/// Inside ucp_worker_progress().
void listener::on_request(ucp_conn_request_h request, void* self) {
    auto& l = *static_cast<listener*>(self);
    if (l.count_ == backlog) {
        (void)ucp_listener_reject(l.handle_, request);
        return;
    }
    l.waiting_[(l.first_ + l.count_++) % backlog] = request;
    l.worker_.touch();
    l.worker_.defer(l.arrival_);
}

runtime::task<result<std::unique_ptr<stream>>> listener::accept() {
    while (count_ == 0) {
        arrived_.reset();
        BFS_CO_CHECK(co_await arrived_.wait());
    }
    ucp_conn_request_h request = waiting_[first_];
    first_ = (first_ + 1) % backlog;
    --count_;
    co_return stream::accept(worker_, request);
}

} // namespace benchfs::transport::ucx
