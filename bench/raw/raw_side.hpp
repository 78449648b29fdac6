// One process of a raw UCX measurement: its context, worker and endpoint, and what its active messages did.
//
// Everything ends the process on failure: a baseline has no business recovering. Not for use in a process that
// does anything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ucp/api/ucp.h>
#include <vector>

namespace benchfs::bench {

/// Prints the reason where the parent process finds it and ends this one.
[[noreturn]] void raw_fail(const char* where, const char* why);
void raw_check(ucs_status_t status, const char* where);

/// Exactly that many bytes over the socket pair to the other process, or the end of this one.
void send_all(int fd, const void* data, std::size_t bytes);
void receive_all(int fd, void* data, std::size_t bytes);
/// Bytes with their count in front.
void send_blob(int fd, const void* data, std::size_t bytes);
[[nodiscard]] std::vector<char> receive_blob(int fd);

class raw_side {
public:
    /// Makes context, worker and endpoint, with the other process doing the same at the other end of fd.
    /// Only what is asked for: active messages get slower in a context that also has one-sided transfers.
    raw_side(int fd, std::uint64_t features);
    ~raw_side();
    raw_side(const raw_side&) = delete;
    raw_side& operator=(const raw_side&) = delete;

    void progress() { ucp_worker_progress(worker_); }
    /// Waits for an operation that may have completed at once.
    void finish(ucs_status_ptr_t request, const char* where);

    ucs_status_ptr_t start_message(const void* data, std::size_t bytes);
    void send_message(const void* data, std::size_t bytes) {
        finish(start_message(data, bytes), "ucp_am_send_nbx");
    }
    void put(const void* data, std::size_t bytes, std::uint64_t to, ucp_rkey_h key);
    void get(void* data, std::size_t bytes, std::uint64_t from, ucp_rkey_h key);
    void flush();
    /// Until that many messages have arrived since the start.
    void wait_messages(std::uint64_t count) {
        while (received_ < count) { progress(); }
    }
    /// Where messages land from now on: a walk over this memory, then from its start again. Before it, nobody
    /// looks at their bytes.
    void deliver_to(char* memory, std::size_t bytes) {
        memory_ = memory;
        memory_bytes_ = bytes;
    }

    [[nodiscard]] ucp_context_h context() const { return context_; }
    [[nodiscard]] ucp_ep_h endpoint() const { return endpoint_; }
    [[nodiscard]] int fd() const { return fd_; }

private:
    void connect();
    static ucs_status_t on_message(void* self_pointer, const void* header, std::size_t header_bytes, void* data,
                                   std::size_t bytes, const ucp_am_recv_param_t* param);

    int fd_;
    ucp_context_h context_ = nullptr;
    ucp_worker_h worker_ = nullptr;
    ucp_ep_h endpoint_ = nullptr;
    std::uint64_t received_ = 0;
    char* memory_ = nullptr;
    std::size_t memory_bytes_ = 0;
    std::size_t memory_at_ = 0;
};

} // namespace benchfs::bench
