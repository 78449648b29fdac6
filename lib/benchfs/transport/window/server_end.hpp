// The server's end of a window: it answers requests and never waits for the client.
//
// The client has kept room for each reply; a client that did not is expelled. A transfer that makes no progress
// for five seconds expels it too.
#pragma once

#include "benchfs/runtime/timer_wheel.hpp"
#include "benchfs/transport/window/window_end.hpp"

#include <array>

namespace benchfs::transport::window {

class server_end final : public window_end {
public:
    server_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory, nonce expected);
    ~server_end() override;

    /// Requests go the other way.
    [[nodiscard]] bool carries(const send_operation&) const noexcept override { return false; }
    void send(send_operation& op) noexcept override;
    bool abandon(send_operation& op) noexcept override;
    void go_on(send_operation& op) noexcept override;
    [[nodiscard]] bool confirm() noexcept override;
    void shut(errc reason) noexcept override;

private:
    /// Linked while pieces that were lent wait to be filled.
    struct exchange : list_hook<> {
        bool active = false;
        bool replied = false;
        bool stalled = false;  // `out` waits for its maker
        std::uint16_t use = 0; // told from an earlier request with the same number by this
        std::uint16_t reply_header_max = 0;
        std::uint16_t lent = 0;
        std::uint32_t reply_payload_max = 0;
        send_operation* out = nullptr;
        segment_cursor<const_byte_span> cursor; // of a payload without a maker
        std::uint32_t to_fill = 0;              // bytes of the payload that no piece has yet
        incoming in;

        [[nodiscard]] bool can_fill() const noexcept { return out != nullptr && !stalled && lent != 0; }
    };

    class progress_timer final : public runtime::timer {
    public:
        explicit progress_timer(server_end& self) noexcept : self_(self) {}
        void on_timer() noexcept override { self_.check_progress(); }

    private:
        server_end& self_;
    };

    void on_record(const record& what) noexcept override;
    void on_request(const record& what) noexcept;
    void on_piece(const record& what) noexcept;
    void give_back(std::uint16_t id, std::uint8_t piece) noexcept override;
    void incoming_done(std::uint16_t id) noexcept override { finish_if_done(exchanges_[id]); }
    [[nodiscard]] incoming& incoming_of(std::uint16_t id) noexcept override { return exchanges_[id].in; }

    [[nodiscard]] std::uint16_t id_of(const exchange& e) const noexcept {
        return static_cast<std::uint16_t>(&e - exchanges_.data());
    }
    [[nodiscard]] exchange* find(request_token token) noexcept;
    [[nodiscard]] bool makes_reply(std::uint16_t id) const noexcept override {
        return exchanges_[id].reply_payload_max > inline_max;
    }
    void fill_lent(exchange& e) noexcept;
    void fill_some(exchange& e) noexcept;
    [[nodiscard]] bool fill(exchange& e, byte_span pieces) noexcept;
    void send_pieces(exchange& e, std::uint32_t first, std::uint32_t bytes) noexcept;
    void finish_if_done(exchange& e) noexcept;
    bool work_backlog() noexcept override;
    void watch_progress() noexcept;
    void check_progress() noexcept;

    std::array<exchange, exchange_count> exchanges_;
    std::uint16_t gathering_ = no_exchange; // whose pieces are collected, to be emptied together
    intrusive_list<exchange> filling_;
    std::uint32_t transfers_ = 0; // payloads that wait for the client, in either direction
    std::uint64_t moved_ = 0;
    std::uint64_t moved_at_check_ = 0;
    nonce expected_;
    progress_timer timer_{*this};
};

} // namespace benchfs::transport::window
