// The network transport: connections over UCX active messages, and better paths on top of them where there are.
//
// It carries everything between nodes; between processes of a node it carries the hello, the doorbells, the
// news of a death, and whatever a window does not. One worker, one loop, one thread.
#pragma once

#include "benchfs/base/slab.hpp"
#include "benchfs/transport/path.hpp"
#include "benchfs/transport/transport.hpp"
#include "benchfs/transport/ucx/connection.hpp"
#include "benchfs/transport/ucx/message.hpp"
#include "benchfs/transport/ucx/send.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <chrono>
#include <coroutine>
#include <memory>
#include <vector>

namespace benchfs::transport::ucx {

struct ucx_options {
    std::string_view name = "ucx";       // the table's; must outlive the transport
    std::unique_ptr<path_factory> paths; // empty: the network carries everything
    bool require_path = false;           // upgrade() fails rather than stay on the network
    payload_mode mode = payload_mode::automatic;
    std::uint64_t seed = 1; // for connection handles, so that those of an earlier process don't match
    std::uint32_t max_connections = 65536;
    // What a server sends or receives; a peer whose transfers all stand still for so long is closed. Clients
    // have their deadlines.
    duration transfer_limit = std::chrono::seconds(10);
    duration handshake_limit = std::chrono::seconds(10); // of connect() and upgrade(), or the caller's deadline
};

class ucx_transport final : public transport, private message_sink {
public:
    /// Errors are logged with what to try: bad_config, not_supported, or what UCX says.
    [[nodiscard]] static result<std::unique_ptr<ucx_transport>> create(runtime::loop& l, ucx_options options);
    /// stop() was awaited, or there never was a connection.
    ~ucx_transport() override;

    [[nodiscard]] std::string_view name() const noexcept override { return options_.name; }
    [[nodiscard]] std::vector<std::byte> address() const override { return wrap_address(worker_->address()); }
    void set_receiver(receiver& r) noexcept override { receiver_ = &r; }
    /// timed_out at the deadline; peer_down; invalid_argument for an address that is none; busy: the server has
    /// max_connections; shutting_down.
    [[nodiscard]] runtime::task<result<connection*>> connect(std::vector<std::byte> address) override;
    [[nodiscard]] runtime::task<void> stop() override;

    /// Streams and listeners share it.
    [[nodiscard]] worker& network_worker() noexcept { return *worker_; }
    [[nodiscard]] std::uint32_t connections() const noexcept { return connections_.size(); }
    /// Messages that arrived and are not dropped yet.
    [[nodiscard]] std::uint32_t live_messages() const noexcept { return messages_->live(); }
    /// Active messages that no correct peer sends.
    [[nodiscard]] std::uint64_t garbage() const noexcept { return garbage_; }

    // For connections.
    [[nodiscard]] receiver& sink() noexcept { return *receiver_; }
    [[nodiscard]] send_pool& records() noexcept { return records_; }
    [[nodiscard]] payload_mode mode() const noexcept { return options_.mode; }
    [[nodiscard]] path_factory* paths() noexcept { return options_.paths.get(); }
    [[nodiscard]] bool requires_path() const noexcept { return options_.require_path; }
    [[nodiscard]] duration handshake_limit() const noexcept { return options_.handshake_limit; }
    [[nodiscard]] duration transfer_limit() const noexcept { return options_.transfer_limit; }
    void log_path_failure(const char* what, const ucx_connection& c, errc why) noexcept;
    void forget(ucx_connection& c) noexcept;

private:
    class all_gone;

    ucx_transport(runtime::loop& l, ucx_options options, std::unique_ptr<worker> w);
    [[nodiscard]] status register_handler() noexcept;
    static ucs_status_t on_active_message(void* self, const void* header, std::size_t header_size, void* data,
                                          std::size_t size, const ucp_am_recv_param_t* param);
    void on_arrival(ucx_message& m) noexcept override;
    void on_hello(message_ptr m) noexcept;
    [[nodiscard]] ucx_connection* make(bool server_side, const_byte_span worker_address, errc& error) noexcept;
    [[nodiscard]] std::vector<std::byte> make_hello(std::uint64_t server_hash);
    /// At most one line a second about what strangers send.
    void log_garbage(const char* what) noexcept;

    runtime::loop& loop_;
    ucx_options options_;
    std::unique_ptr<worker> worker_;
    message_pool* messages_;
    send_pool records_;
    slab<ucx_connection> connections_;
    receiver* receiver_ = nullptr;
    bool stopping_ = false;
    std::coroutine_handle<> stopper_;
    std::vector<message_ptr> waiting_hellos_; // until older connections of the same peers are gone
    std::uint64_t garbage_ = 0;
    std::uint64_t suppressed_ = 0;
    time_point next_log_{};
    bool path_failure_logged_ = false;
};

} // namespace benchfs::transport::ucx
