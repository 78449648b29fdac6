// The two ends of an rpc conversation that a target plays by hand, over the transport inside the process.
#pragma once

#include "target.hpp"

#include "benchfs/rpc/frame.hpp"
#include "benchfs/rpc/handshake.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/loopback/network.hpp"
#include "benchfs/transport/loopback/transport.hpp"

#include <deque>
#include <memory>
#include <optional>

namespace benchfs::fuzz {

inline constexpr rpc::cluster_identity fuzz_cluster{{1, 2}, {}, nullptr};

/// Bytes on their way out.
struct outgoing final : transport::send_operation {
    void on_sent(errc) noexcept override { done = true; }
    byte_string head;
    byte_string body;
    const_segments list;
    bool done = false;
};

/// A correct frame around a body of any size that fits.
[[nodiscard]] byte_string framed(const rpc::frame& head, const rpc::session_block* session,
                                 const_byte_span body);

/// A client that sends anything.
class fuzz_client final : private transport::receiver {
public:
    fuzz_client(runtime::loop& loop, transport::loopback_network& network);
    ~fuzz_client();

    /// A new connection to this server in place of the last one.
    void connect(const std::vector<std::byte>& address);
    /// As a client of the cluster does it.
    void join(std::uint64_t session, std::uint32_t generation);
    void send(byte_string header, std::size_t payload, std::uint32_t reply_header, std::uint32_t reply_payload);
    /// Some turns of the loop: enough for an answer that waits for nothing.
    void turns(int n = 12);
    [[nodiscard]] bool up() const noexcept { return up_ != nullptr; }
    [[nodiscard]] const byte_string& last_reply() const noexcept { return reply_; }
    std::size_t answered = 0;

private:
    void on_accept(transport::connection& c) noexcept override { c.close(errc::not_permitted); }
    void on_message(transport::connection&, transport::message_ptr m) noexcept override;
    void on_closed(transport::connection& c, errc) noexcept override;

    runtime::loop& loop_;
    transport::loopback_transport wire_;
    transport::connection* up_ = nullptr;
    byte_string reply_;
    std::deque<std::unique_ptr<outgoing>> sends_;
};

} // namespace benchfs::fuzz
