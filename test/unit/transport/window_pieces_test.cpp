// Pieces of a payload: those that lie side by side, and have come together, are taken and made together, and
// which of them are used when.
#include "window_rig.hpp"

#include "benchfs/transport/window/client_end.hpp"

#include "catch.hpp"

#include <memory>
#include <vector>

namespace benchfs::transport::window {
namespace {

struct taking final : receive_operation, payload_taker {
    void on_received(errc result) noexcept override {
        ended = true;
        outcome = result;
    }
    errc take(const_byte_span bytes) noexcept override {
        firsts.push_back(bytes.front());
        sizes.push_back(bytes.size());
        return errc::ok;
    }
    bool likes_more() const noexcept override { return together; }
    bool together = true;
    std::vector<std::byte> firsts;
    std::vector<std::size_t> sizes;
    errc outcome = errc::ok;
    bool ended = false;
};

struct making final : send_operation, payload_maker {
    void on_sent(errc) noexcept override { ended = true; }
    bool make(byte_span to) noexcept override {
        sizes.push_back(to.size());
        return true;
    }
    std::vector<std::size_t> sizes;
    bool ended = false;
};

/// The pieces named in records of a kind, in order.
[[nodiscard]] std::vector<int> told(const ring_memory& ring, record_kind kind) {
    std::vector<int> pieces;
    for (const slot& s : ring.slots) {
        if (s.what.sequence != 0 && s.what.kind == kind) { pieces.push_back(s.what.piece); }
    }
    return pieces;
}

/// A server's end whose client is the test.
struct rig {
    rig() { end->start(); }

    void say(record what) {
        what.exchange = 3;
        publish_record(shared.layout().to_server, next, what);
    }
    void ask(std::uint32_t request, std::uint32_t reply) {
        record what;
        what.kind = request == 0 ? record_kind::message : record_kind::staged;
        what.payload_size = request;
        what.reply_payload_max = reply;
        what.reply_header_max = 64;
        say(what);
    }
    void fill(std::uint8_t piece, std::uint32_t bytes = piece_bytes) {
        shared.data[staging_offset + std::size_t{piece} * piece_bytes] = std::byte{piece};
        record what;
        what.kind = record_kind::piece;
        what.piece = piece;
        what.payload_size = bytes;
        say(what);
    }
    void lend(std::uint16_t pieces) {
        record what;
        what.kind = record_kind::lend;
        what.lent = pieces;
        say(what);
    }
    [[nodiscard]] std::vector<int> told(record_kind kind) const {
        return window::told(shared.layout().to_client, kind);
    }

    block shared;
    runtime::loop loop;
    window_set set{loop};
    host h;
    std::uint32_t next = 0;
    std::unique_ptr<server_end> end = std::make_unique<server_end>(
        set, h, std::make_unique<heap_memory>(shared.data, size_with_staging), nonce{});
};

/// A request whose bytes are there when they are asked for; says how many had to be, after how many pieces.
struct completing final : send_operation, payload_completer {
    explicit completing(const ring_memory& out) : to_server(out), memory(3 * piece_bytes + 1), list(memory) {
        payload = &list;
        completer = this;
        reply_header_max = 64;
    }
    void on_sent(errc) noexcept override { ended = true; }
    void complete(std::size_t until) noexcept override {
        asked.push_back(until);
        pieces_before.push_back(told(to_server, record_kind::piece).size());
    }
    const ring_memory& to_server;
    std::vector<std::byte> memory;
    const_segments list;
    std::vector<std::size_t> asked;
    std::vector<std::size_t> pieces_before;
    bool ended = false;
};

} // namespace

TEST_CASE("pieces that came together and lie side by side are taken together") {
    rig r;
    taking in;
    in.taker = &in;
    r.ask(8 * piece_bytes + 100, 0);
    r.end->poll();
    REQUIRE(r.h.inbox.size() == 1);
    r.h.inbox.front()->receive(in);

    r.fill(7);
    r.end->poll(); // nothing else is there: it does not wait for more
    REQUIRE(in.sizes == std::vector<std::size_t>{piece_bytes});
    for (const int piece : {2, 3, 4, 5, 6, 9, 0}) { r.fill(static_cast<std::uint8_t>(piece)); }
    r.fill(1, 100); // behind piece 0, which is full
    r.end->poll();
    REQUIRE(in.ended);
    REQUIRE(in.outcome == errc::ok);
    using sizes = std::vector<std::size_t>;
    REQUIRE(in.sizes == sizes{piece_bytes, 4 * piece_bytes, piece_bytes, piece_bytes, piece_bytes + 100});
    REQUIRE(in.firsts ==
            std::vector<std::byte>{std::byte{7}, std::byte{2}, std::byte{6}, std::byte{9}, std::byte{0}});
    REQUIRE(r.told(record_kind::release) == std::vector<int>{7, 2, 3, 4, 5, 6, 9, 0, 1});
    REQUIRE(!r.h.failed);
}

TEST_CASE("a taker that does not care gets each piece as it comes") {
    rig r;
    taking in;
    in.taker = &in;
    in.together = false;
    r.ask(3 * piece_bytes, 0);
    r.end->poll();
    REQUIRE(r.h.inbox.size() == 1);
    r.h.inbox.front()->receive(in);
    for (const int piece : {2, 3, 4}) { r.fill(static_cast<std::uint8_t>(piece)); }
    r.end->poll();
    REQUIRE(in.ended);
    REQUIRE(in.sizes == std::vector<std::size_t>(3, piece_bytes));
}

TEST_CASE("pieces that were lent together and lie side by side are made together") {
    rig r;
    making out;
    out.maker = &out;
    out.made_bytes = 7 * piece_bytes + 5;
    r.ask(0, 8 * piece_bytes);
    r.end->poll();
    REQUIRE(r.h.inbox.size() == 1);
    out.answers = r.h.inbox.front()->token();
    r.h.inbox.clear();

    r.lend(0b1010'1111'1000'0000);
    r.end->poll();
    r.end->send(out);
    REQUIRE(!out.ended);
    r.lend(0b11);
    r.end->poll();
    REQUIRE(out.ended);
    REQUIRE(out.sizes == std::vector<std::size_t>{4 * piece_bytes, piece_bytes, piece_bytes, piece_bytes, 5});
    REQUIRE(r.told(record_kind::piece) == std::vector<int>{7, 8, 9, 10, 11, 13, 15, 0});
    REQUIRE(!r.h.failed);
}

TEST_CASE("pieces that were lent one by one before anybody looked are made together") {
    rig r;
    making out;
    out.maker = &out;
    out.made_bytes = 5 * piece_bytes;
    r.ask(0, 8 * piece_bytes);
    r.end->poll();
    REQUIRE(r.h.inbox.size() == 1);
    out.answers = r.h.inbox.front()->token();
    r.h.inbox.clear();
    r.end->send(out);

    for (const int piece : {2, 8, 3, 4}) { r.lend(static_cast<std::uint16_t>(1U << piece)); }
    REQUIRE(r.end->poll());
    REQUIRE(out.sizes == std::vector<std::size_t>{3 * piece_bytes});
    r.lend(1U << 9); // what is lent meanwhile goes with the rest
    REQUIRE(r.end->poll());
    REQUIRE(out.ended);
    REQUIRE(out.sizes == std::vector<std::size_t>{3 * piece_bytes, 2 * piece_bytes});
    REQUIRE(r.told(record_kind::piece) == std::vector<int>{2, 3, 4, 8, 9});
    REQUIRE(!r.end->poll());
    REQUIRE(!r.h.failed);
}

TEST_CASE("a payload is completed piece by piece, and pieces are used in turn") {
    block shared;
    runtime::loop loop;
    window_set set(loop);
    host h;
    const ring_memory& to_server = shared.layout().to_server;
    auto end =
        std::make_unique<client_end>(set, h, std::make_unique<heap_memory>(shared.data, size_with_staging));
    end->start();
    std::uint32_t next = 0;
    for (int turn = 0; turn < 2; ++turn) {
        completing out(to_server);
        end->send(out);
        REQUIRE(out.ended);
        const std::size_t before = 4 * static_cast<std::size_t>(turn);
        REQUIRE(out.asked ==
                std::vector<std::size_t>{piece_bytes, 2 * piece_bytes, 3 * piece_bytes, 4 * piece_bytes});
        REQUIRE(out.pieces_before == std::vector<std::size_t>{before, before + 1, before + 2, before + 3});
        record what;
        what.kind = record_kind::release;
        for (int i = 0; i < 4; ++i) {
            what.piece = static_cast<std::uint8_t>(before + static_cast<std::size_t>(i));
            publish_record(shared.layout().to_client, next, what);
        }
        what.kind = record_kind::message;
        what.exchange = to_server.slots[0].what.exchange;
        publish_record(shared.layout().to_client, next, what);
        while (end->poll()) {}
        REQUIRE(!h.failed);
    }
    // Not those that came back last: the server's core has them in its cache.
    REQUIRE(told(to_server, record_kind::piece) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
    h.inbox.clear();
    end->shut(errc::ok);
}

} // namespace benchfs::transport::window
