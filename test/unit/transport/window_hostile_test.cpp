// A window whose other end writes rubbish: it is ignored or ends the window, and never reaches beyond the
// memory.
//
// The window lies in a heap block of exactly its size, so that AddressSanitizer sees every step outside.
#include "window_rig.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/transport/window/client_end.hpp"

#include "catch.hpp"

namespace benchfs::transport::window {
namespace {

struct sending final : send_operation {
    void on_sent(errc) noexcept override { done = true; }
    bool done = false;
};
struct receiving final : receive_operation {
    void on_received(errc) noexcept override { done = true; }
    bool done = false;
};

record random_record(prng& random) {
    record r;
    r.kind = static_cast<record_kind>(random.below(8));
    const std::uint64_t wild = random.below(4);
    r.piece = static_cast<std::uint8_t>(random.below(wild == 0 ? 256 : piece_count));
    r.header_size = static_cast<std::uint16_t>(random.below(wild == 1 ? 65536 : 200));
    r.payload_size = static_cast<std::uint32_t>(random.below(wild == 2 ? ~0ULL >> 32 : 200'000));
    r.exchange = static_cast<std::uint16_t>(random.below(wild == 3 ? 65536 : 6));
    r.lent = static_cast<std::uint16_t>(random.next());
    r.reply_payload_max = static_cast<std::uint32_t>(random.below(wild == 0 ? ~0ULL >> 32 : 300'000));
    r.reply_header_max = static_cast<std::uint16_t>(random.below(wild == 1 ? 65536 : 200));
    r.consumed = static_cast<std::uint8_t>(random.next());
    r.rewound = static_cast<std::uint8_t>(random.below(2));
    return r;
}

/// Publishes records as a peer would, with whatever inside.
void inject(ring_memory& ring, std::uint32_t& next, prng& random) {
    for (std::byte& b : ring.slots[next % slot_count].head) { b = static_cast<std::byte>(random.next()); }
    publish_record(ring, next, random_record(random));
    if (random.below(20) == 0) { ring.data[random.below(data_bytes)] = static_cast<std::byte>(random.next()); }
}

/// Some of what arrived is received, answered or dropped, as handlers do.
void handle(host& h, path& end, prng& random, std::deque<std::unique_ptr<sending>>& replies,
            std::vector<std::byte>& memory, std::deque<segments>& targets, std::deque<receiving>& receives) {
    while (!h.inbox.empty() && random.below(3) != 0) {
        message_ptr m = std::move(h.inbox.front());
        h.inbox.pop_front();
        if (m->payload_size() <= memory.size() && random.below(2) == 0) {
            targets.emplace_back(byte_span(memory).first(m->payload_size()));
            receives.emplace_back().target = &targets.back();
            m->receive(receives.back());
            if (!receives.back().done) { m->abandon(receives.back()); }
        }
        if (m->token() != 0) {
            replies.push_back(std::make_unique<sending>());
            replies.back()->header = const_byte_span(memory).first(random.below(64));
            replies.back()->answers = m->token();
            end.send(*replies.back());
        }
    }
}

} // namespace

TEST_CASE("a window's server survives a client that writes rubbish") {
    std::uint32_t expelled = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        prng random(seed);
        block shared;
        runtime::loop loop;
        window_set set(loop);
        host h;
        std::deque<std::unique_ptr<sending>> replies;
        std::vector<std::byte> memory(256 * KiB);
        std::deque<segments> targets;
        std::deque<receiving> receives;
        auto end = std::make_unique<server_end>(
            set, h, std::make_unique<heap_memory>(shared.data, size_with_staging), nonce{});
        end->start();
        std::uint32_t next = 0;
        for (int round = 0; round < 200 && !h.failed; ++round) {
            for (std::uint64_t i = random.below(4); i > 0; --i) {
                inject(shared.layout().to_server, next, random);
            }
            if (random.below(4) == 0) {
                shared.layout().to_client.consumed.store(static_cast<std::uint32_t>(random.next()));
            }
            end->poll();
            handle(h, *end, random, replies, memory, targets, receives);
        }
        expelled += h.failed ? 1 : 0;
        end->shut(errc::peer_down);
        h.inbox.clear();
        end.reset();
    }
    CHECK(expelled > 250); // rubbish does not go on for long
}

TEST_CASE("a window's client survives a server that writes rubbish") {
    std::uint32_t closed = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        prng random(seed * 7919);
        block shared;
        runtime::loop loop;
        window_set set(loop);
        host h;
        std::deque<std::unique_ptr<sending>> sends;
        std::deque<std::unique_ptr<sending>> none;
        std::vector<std::byte> memory(256 * KiB);
        std::deque<segments> targets;
        std::deque<receiving> receives;
        const const_segments bulk(const_byte_span(memory).first(200'000));
        auto end =
            std::make_unique<client_end>(set, h, std::make_unique<heap_memory>(shared.data, size_with_staging));
        end->start();
        std::uint32_t next = 0;
        for (int round = 0; round < 200 && !h.failed; ++round) {
            if (sends.size() < 20) {
                sends.push_back(std::make_unique<sending>());
                sending& s = *sends.back();
                s.header = const_byte_span(memory).first(1 + random.below(100));
                s.payload = random.below(3) == 0 ? &bulk : nullptr;
                s.reply_header_max = 100;
                s.reply_payload_max = static_cast<std::uint32_t>(random.below(250'000));
                end->send(s);
            }
            inject(shared.layout().to_client, next, random);
            if (random.below(4) == 0) {
                shared.layout().to_server.consumed.store(static_cast<std::uint32_t>(random.next()));
            }
            end->poll();
            handle(h, *end, random, none, memory, targets, receives);
        }
        closed += h.failed ? 1 : 0;
        end->shut(errc::peer_down);
        for (const auto& s : sends) { CHECK(s->done); }
        h.inbox.clear();
        end.reset();
    }
    CHECK(closed > 250);
}

} // namespace benchfs::transport::window
