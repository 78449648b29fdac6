// One end of a simulated connection, and a message on its way.
//
// A header is copied when it is sent. A payload either comes with it or stays in the sender's memory until the
// receiver asks, and moves in pieces, each at its own time: a buffer that is reused too early, a transfer that
// ends in the middle and a peer that is gone half-way all show.
//
// An upgraded connection may have a window (link_window.cpp): there the sender puts its pieces at its own pace,
// and the receiver sees them at its, also when the sender has gone meanwhile.
#pragma once

#include "network.hpp"

#include "benchfs/transport/transport.hpp"

#include <deque>
#include <list>
#include <memory>
#include <vector>

namespace benchfs::sim {

class link;

/// What sender and receiver of one message share.
struct flight {
    std::vector<std::byte> header;
    std::size_t payload = 0; // bytes
    transport::request_token token = 0;
    std::vector<std::byte> carried;              // the payload, when it came with the header
    transport::send_operation* source = nullptr; // else: whose memory it is in
    std::weak_ptr<link> sender;
    transport::receive_operation* receiving = nullptr; // set while it moves
    std::size_t moved = 0;
    segment_cursor<const_byte_span> from; // of the source
    segment_cursor<byte_span> to;         // of the receiver
    bool in_window = false;
    bool stalled = false;          // the maker is not ready
    std::vector<std::byte> staged; // what the sender has put into the window so far
    errc lost = errc::ok;          // why the payload cannot be had any more
};

class link final : public transport::connection, public std::enable_shared_from_this<link> {
public:
    link(host& owner, bool server_side) noexcept;
    ~link() override;

    void send(transport::send_operation& op) noexcept override;
    void abandon(transport::send_operation& op) noexcept override;
    void go_on(transport::send_operation& op) noexcept override;
    [[nodiscard]] runtime::task<status> upgrade() override;
    void close(errc reason) noexcept override;
    [[nodiscard]] std::string_view path() const noexcept override { return "simulated"; }
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] std::size_t memory() const noexcept override { return sizeof(*this); }

    void pair_with(link& other) noexcept {
        peer_ = &other;
        other.peer_ = this;
    }
    /// The network loses the connection: both ends hear of it, each at its own time.
    void cut() noexcept;
    [[nodiscard]] bool open() const noexcept { return open_; }
    [[nodiscard]] host& owner() noexcept { return owner_; }
    [[nodiscard]] link* peer() noexcept { return peer_; }
    /// Whether a payload of this size goes through the window.
    [[nodiscard]] bool stages(std::size_t bytes) const noexcept;
    bool known = false; // the receiver has heard of it and wants on_closed()

    /// For messages: starts or ends moving a payload to this end.
    void move(const std::shared_ptr<flight>& f);
    void forget(const std::shared_ptr<flight>& f) noexcept { std::erase(moving_, f); }
    /// The payload of f was taken, or nobody wants it: tells the sender, later.
    static void taken(world& w, const std::shared_ptr<flight>& f);

private:
    struct arrival {
        time_point due;
        std::shared_ptr<flight> message; // nullptr: the end of the connection
    };
    struct outgoing {
        transport::send_operation* op;
        std::shared_ptr<flight> message;
    };
    [[nodiscard]] errc refusal(const transport::send_operation& op) const noexcept;
    [[nodiscard]] transport::request_token token_of(const transport::send_operation& op) noexcept;
    void arrive(time_point due, std::shared_ptr<flight> f);
    void wake_at(time_point when);
    void pump();
    void piece(const std::shared_ptr<flight>& f);
    void move_piece(const std::shared_ptr<flight>& f);
    void put_pieces(const std::shared_ptr<flight>& f);
    void put_piece(const std::shared_ptr<flight>& f);
    void see_piece(const std::shared_ptr<flight>& f);
    [[nodiscard]] errc take(flight& f, std::size_t bytes);
    void count_rest() noexcept;
    [[nodiscard]] time_point held() noexcept;
    void lose_tail() noexcept;

    host& owner_;
    world& world_;
    link* peer_ = nullptr; // nullptr: nothing that is sent arrives any more
    bool open_ = true;
    bool window_ = false;
    errc end_ = errc::ok;
    std::uint64_t requests_ = 0;
    time_point last_due_{};
    std::deque<arrival> inbox_;
    std::list<outgoing> pending_;                 // payload not yet taken
    std::vector<std::shared_ptr<flight>> moving_; // payloads on their way to this end
};

} // namespace benchfs::sim
