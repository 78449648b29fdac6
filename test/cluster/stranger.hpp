// A peer that says to a real server what no client would: any rpc header, over a connection of any transport.
#pragma once

#include "benchfs/cluster/registry.hpp"
#include "benchfs/rpc/frame.hpp"
#include "benchfs/rpc/handshake.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/transport/transport.hpp"
#include "benchfs/uring/ring.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace benchfs::test {

class stranger final : private transport::receiver {
public:
    /// Reads the registry and makes a transport. Throws std::runtime_error when that fails.
    stranger(const std::string& registry, const std::string& transport);
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;
    ~stranger();

    /// A new connection in place of the last one.
    [[nodiscard]] bool connect();
    void disconnect();
    [[nodiscard]] bool connected() const noexcept { return up_ != nullptr; }
    /// What carries messages; "none" without a connection.
    [[nodiscard]] std::string path() const { return up_ == nullptr ? "none" : std::string(up_->path()); }

    /// Sends these bytes as a header, with so many bytes of payload, and announces room for a reply (0: none).
    void send(const_byte_span header, std::size_t payload = 0, std::uint32_t reply_header = 512,
              std::uint32_t reply_payload = 0);
    template <class Body>
    void send_request(const rpc::method_info& method, const Body& body, std::uint64_t call = 1) {
        send(framed(method.id, bytes_of(body), call));
    }
    /// A correct frame around any body.
    [[nodiscard]] static std::vector<std::byte> framed(std::uint16_t method, const_byte_span body,
                                                       std::uint64_t call = 1);

    /// Turns the loop until there are so many replies or the connection has ended; false: neither in time.
    [[nodiscard]] bool wait_for_replies(std::size_t count,
                                        std::chrono::milliseconds limit = std::chrono::seconds(10));
    [[nodiscard]] bool wait_for_end(std::chrono::milliseconds limit = std::chrono::seconds(10));
    void turn_for(std::chrono::milliseconds time);
    /// What the last reply said; bad_frame when it is none.
    [[nodiscard]] errc answer() const;
    [[nodiscard]] std::size_t replies() const noexcept { return replies_.size(); }

    // As a client of the cluster does it. Nothing: the server said no.
    [[nodiscard]] std::optional<rpc::introduction> say_hello();
    [[nodiscard]] rpc::join::request join_of(const rpc::introduction& before, std::uint64_t session) const;
    /// Hello and join.
    [[nodiscard]] bool enter(std::uint64_t session);
    /// Onto a window, if the transport has any.
    [[nodiscard]] bool upgrade();

    rpc::cluster_identity identity;

private:
    struct outgoing final : transport::send_operation {
        void on_sent(errc) noexcept override { done = true; }
        std::vector<std::byte> bytes;
        const_segments list;
        bool done = false;
    };

    void on_accept(transport::connection& c) noexcept override { c.close(errc::not_permitted); }
    void on_message(transport::connection&, transport::message_ptr m) noexcept override;
    void on_closed(transport::connection& c, errc) noexcept override;
    template <class Condition>
    [[nodiscard]] bool until(Condition condition, std::chrono::milliseconds limit);

    runtime::loop loop_;
    std::unique_ptr<uring::ring> ring_;
    std::unique_ptr<transport::transport> network_;
    std::vector<std::byte> address_;
    std::vector<std::byte> payload_; // of all that is sent
    transport::connection* up_ = nullptr;
    std::vector<std::vector<std::byte>> replies_;
    std::vector<std::unique_ptr<outgoing>> sends_;
};

} // namespace benchfs::test
