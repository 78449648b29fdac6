// Accepts streams at a socket address, over whatever network UCX has.
#pragma once

#include "benchfs/base/result.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/transport/ucx/stream.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace benchfs::transport::ucx {

class listener {
public:
    /// Requests that wait for accept(); more are rejected.
    static constexpr std::size_t backlog = 32;

    /// On every address of this host; port 0: any free one. address_in_use, or what UCX says (logged). The
    /// worker must outlive the listener.
    [[nodiscard]] static result<std::unique_ptr<listener>> create(worker& w, std::uint16_t port = 0);
    /// Rejects who still waits. Nobody may be in accept().
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Suspends until somebody connects, or the caller is stopped.
    [[nodiscard]] runtime::task<result<std::unique_ptr<stream>>> accept();

private:
    class item final : public deferred {
    public:
        explicit item(listener& self) noexcept : self_(self) {}
        void run() noexcept override { self_.arrived_.set(); }

    private:
        listener& self_;
    };

    explicit listener(worker& w) noexcept : worker_(w) {}
    [[nodiscard]] status listen(std::uint16_t port);
    static void on_request(ucp_conn_request_h request, void* self);

    worker& worker_;
    ucp_listener_h handle_ = nullptr;
    std::uint16_t port_ = 0;
    std::array<ucp_conn_request_h, backlog> waiting_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    runtime::event arrived_;
    item arrival_{*this};
};

} // namespace benchfs::transport::ucx
