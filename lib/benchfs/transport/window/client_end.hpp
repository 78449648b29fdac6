// The client's end of a window: it sends requests, owns the staging pieces, and keeps room for every reply.
#pragma once

#include "benchfs/transport/window/window_end.hpp"

#include <array>
#include <vector>

namespace benchfs::transport::window {

class client_end final : public window_end {
public:
    client_end(window_set& set, path_host& host, std::unique_ptr<shared_memory> memory);
    ~client_end() override;

    [[nodiscard]] bool carries(const send_operation& op) const noexcept override;
    void send(send_operation& op) noexcept override;
    bool abandon(send_operation& op) noexcept override;
    [[nodiscard]] bool confirm() noexcept override { return true; } // the server's part
    void shut(errc reason) noexcept override;

private:
    /// A request that waits for its reply, and the transfers that belong to it. Linked while it wants pieces.
    struct exchange : list_hook<> {
        bool active = false;
        bool replied = false;
        bool abort = false;            // the server has to be told that the rest will not come
        std::uint32_t room = 0;        // kept for it in the reply ring
        send_operation* out = nullptr; // its payload is not completely in staging yet
        segment_cursor<const_byte_span> cursor;
        std::uint32_t turn = 0;    // pieces filled since others had theirs
        std::uint32_t held = 0;    // pieces under way for it, in either direction
        std::uint32_t lent = 0;    // the pieces lent to the server, a bit each
        std::uint32_t to_lend = 0; // bytes of the reply for which no piece has been lent yet
        incoming in;

        [[nodiscard]] bool wants_piece() const noexcept {
            return held < pieces_per_call && (out != nullptr || to_lend != 0);
        }
    };

    void on_record(const record& what) noexcept override;
    void on_reply(const record& what) noexcept;
    void give_back(std::uint16_t id, std::uint8_t piece) noexcept override;
    void incoming_done(std::uint16_t id) noexcept override;
    [[nodiscard]] incoming& incoming_of(std::uint16_t id) noexcept override { return exchanges_[id].in; }
    bool work_backlog() noexcept override;
    [[nodiscard]] bool blocked_on_ring() noexcept override;

    bool try_start(send_operation& op) noexcept;
    void want_pieces(exchange& e) noexcept;
    void pump() noexcept;
    void fill_piece(exchange& e, std::uint16_t id) noexcept;
    void lend_piece(exchange& e, std::uint16_t id) noexcept;
    void finish_if_done(exchange& e, std::uint16_t id) noexcept;
    void note_backlog() noexcept { backlog_ = !waiting_.empty() || !wanting_.empty(); }
    [[nodiscard]] std::uint32_t take_piece(exchange& e) noexcept;
    void put_piece(std::uint32_t piece) noexcept;
    [[nodiscard]] std::uint16_t id_of(const exchange& e) const noexcept {
        return static_cast<std::uint16_t>(&e - exchanges_.data());
    }

    std::array<exchange, exchange_count> exchanges_;
    std::array<std::uint16_t, exchange_count> free_;
    std::uint32_t free_count_ = exchange_count;
    std::uint32_t reply_room_ = 0; // bytes of the reply ring that are spoken for
    std::uint32_t free_pieces_ = (1U << piece_count) - 1;
    std::uint32_t next_piece_ = 0;
    std::array<std::uint16_t, piece_count> piece_user_{}; // the exchange a piece is under way for
    intrusive_list<send_operation> waiting_;
    intrusive_list<exchange> wanting_;
};

} // namespace benchfs::transport::window
