#include "raw_side.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace benchfs::bench {

namespace {
constexpr unsigned am_id = 1;
}

void raw_fail(const char* where, const char* why) {
    std::printf("%s: %s\n", where, why);
    std::fflush(stdout);
    ::_exit(1);
}

void raw_check(ucs_status_t status, const char* where) {
    if (status != UCS_OK) { raw_fail(where, ucs_status_string(status)); }
}

void send_all(int fd, const void* data, std::size_t bytes) {
    if (::send(fd, data, bytes, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes)) {
        raw_fail("socket pair", "the other process is gone");
    }
}

void receive_all(int fd, void* data, std::size_t bytes) {
    if (::recv(fd, data, bytes, MSG_WAITALL) != static_cast<ssize_t>(bytes)) {
        raw_fail("socket pair", "the other process is gone");
    }
}

void send_blob(int fd, const void* data, std::size_t bytes) {
    send_all(fd, &bytes, sizeof bytes);
    send_all(fd, data, bytes);
}

std::vector<char> receive_blob(int fd) {
    std::size_t bytes = 0;
    receive_all(fd, &bytes, sizeof bytes);
    std::vector<char> blob(bytes);
    receive_all(fd, blob.data(), bytes);
    return blob;
}

raw_side::raw_side(int fd, std::uint64_t features) : fd_(fd) {
    // Shared memory only, and endpoints with peer error handling on it: what a server has to use.
    ::setenv("UCX_TLS", "posix,sysv,self", 1);
    ::setenv("UCX_MM_ERROR_HANDLING", "y", 1);
    ucp_config_t* config = nullptr;
    raw_check(ucp_config_read(nullptr, nullptr, &config), "Failed to read the UCX configuration");
    ucp_params_t params{};
    params.field_mask = UCP_PARAM_FIELD_FEATURES;
    params.features = features;
    raw_check(ucp_init(&params, config, &context_), "Failed to create UCX context");
    ucp_config_release(config);
    ucp_worker_params_t worker{};
    worker.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
    worker.thread_mode = UCS_THREAD_MODE_SINGLE;
    raw_check(ucp_worker_create(context_, &worker, &worker_), "Failed to create UCX worker");
    ucp_am_handler_param_t handler{};
    handler.field_mask =
        UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
    handler.id = am_id;
    handler.cb = &raw_side::on_message;
    handler.arg = this;
    raw_check(ucp_worker_set_am_recv_handler(worker_, &handler), "ucp_worker_set_am_recv_handler");
    connect();
}

raw_side::~raw_side() {
    // Both sides have flushed and agreed to end, so that a forced close loses nothing.
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    params.flags = UCP_EP_CLOSE_FLAG_FORCE;
    const ucs_status_ptr_t request = ucp_ep_close_nbx(endpoint_, &params);
    if (UCS_PTR_IS_PTR(request)) {
        while (ucp_request_check_status(request) == UCS_INPROGRESS) { progress(); }
        ucp_request_free(request);
    }
    ucp_worker_destroy(worker_);
    ucp_cleanup(context_);
}

void raw_side::connect() {
    ucp_address_t* address = nullptr;
    std::size_t bytes = 0;
    raw_check(ucp_worker_get_address(worker_, &address, &bytes), "ucp_worker_get_address");
    send_blob(fd_, address, bytes);
    ucp_worker_release_address(worker_, address);
    const std::vector<char> peer = receive_blob(fd_);
    ucp_ep_params_t params{};
    params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                        UCP_EP_PARAM_FIELD_ERR_HANDLER;
    params.address = reinterpret_cast<const ucp_address_t*>(peer.data());
    params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
    params.err_handler.cb = [](void*, ucp_ep_h, ucs_status_t) {};
    raw_check(ucp_ep_create(worker_, &params, &endpoint_), "ucp_ep_create");
}

void raw_side::finish(ucs_status_ptr_t request, const char* where) {
    if (request == nullptr) { return; }
    if (UCS_PTR_IS_ERR(request)) { raw_check(UCS_PTR_STATUS(request), where); }
    while (ucp_request_check_status(request) == UCS_INPROGRESS) { progress(); }
    raw_check(ucp_request_check_status(request), where);
    ucp_request_free(request);
}

ucs_status_ptr_t raw_side::start_message(const void* data, std::size_t bytes) {
    const ucp_request_param_t params{};
    return ucp_am_send_nbx(endpoint_, am_id, nullptr, 0, data, bytes, &params);
}

void raw_side::put(const void* data, std::size_t bytes, std::uint64_t to, ucp_rkey_h key) {
    const ucp_request_param_t params{};
    finish(ucp_put_nbx(endpoint_, data, bytes, to, key, &params), "ucp_put_nbx");
}

void raw_side::get(void* data, std::size_t bytes, std::uint64_t from, ucp_rkey_h key) {
    const ucp_request_param_t params{};
    finish(ucp_get_nbx(endpoint_, data, bytes, from, key, &params), "ucp_get_nbx");
}

void raw_side::flush() {
    const ucp_request_param_t params{};
    finish(ucp_ep_flush_nbx(endpoint_, &params), "ucp_ep_flush_nbx");
}

ucs_status_t raw_side::on_message(void* self_pointer, const void*, std::size_t, void* data, std::size_t bytes,
                                  const ucp_am_recv_param_t* param) {
    raw_side& self = *static_cast<raw_side*>(self_pointer);
    if (self.memory_ == nullptr) {
        ++self.received_;
        return UCS_OK;
    }
    char* to = self.memory_ + self.memory_at_;
    self.memory_at_ = (self.memory_at_ + bytes) % self.memory_bytes_;
    if ((param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) == 0) {
        std::memcpy(to, data, bytes);
        ++self.received_;
        return UCS_OK;
    }
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    params.user_data = &self;
    params.cb.recv_am = [](void* request, ucs_status_t status, std::size_t, void* user) {
        raw_check(status, "ucp_am_recv_data_nbx");
        ++static_cast<raw_side*>(user)->received_;
        ucp_request_free(request);
    };
    const ucs_status_ptr_t request = ucp_am_recv_data_nbx(self.worker_, data, to, bytes, &params);
    if (request == nullptr) { ++self.received_; }
    if (UCS_PTR_IS_ERR(request)) { raw_check(UCS_PTR_STATUS(request), "ucp_am_recv_data_nbx"); }
    return UCS_OK;
}

} // namespace benchfs::bench
