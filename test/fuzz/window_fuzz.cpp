// A window whose other end writes what the input says: slots, bytes, and positions.
//
// The window lies in a heap block of exactly its size, so that AddressSanitizer sees every step outside.
#include "../unit/transport/window_rig.hpp"
#include "target.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/transport/window/client_end.hpp"

#include <algorithm>

namespace benchfs::fuzz {
namespace {

using namespace transport;
using namespace transport::window;
using window_path = benchfs::transport::path; // there is one of names, too

struct window_send final : send_operation {
    void on_sent(errc) noexcept override { done = true; }
    bool done = false;
    const_segments list;
};
struct window_receive final : receive_operation {
    void on_received(errc) noexcept override { done = true; }
    bool done = false;
    segments list;
};

/// One end, and what an upper layer does with it.
class window_user {
public:
    window_user(window_path& end, host& under) : end_(end), host_(under), memory_(256 * KiB) {}

    /// Takes, answers or drops what has arrived, as `how` says.
    void handle(std::uint8_t how) {
        for (unsigned n = how & 3U; n > 0 && !host_.inbox.empty(); --n) {
            message_ptr m = std::move(host_.inbox.front());
            host_.inbox.pop_front();
            if ((how & 4U) != 0 && m->payload_size() <= memory_.size()) {
                window_receive& r = receives_.emplace_back();
                r.list.push(byte_span(memory_).first(m->payload_size()));
                r.target = &r.list;
                m->receive(r);
                if (!r.done && (how & 8U) != 0) { m->abandon(r); }
            }
            if (m->token() != 0 && (how & 16U) != 0) { send(how, m->token()); }
            kept_.push_back(std::move(m)); // a receive may still run
        }
    }
    void send(std::uint8_t how, request_token answers) {
        window_send& s = *sends_.emplace_back(std::make_unique<window_send>());
        s.header = const_byte_span(memory_).first(24U + (how & 31U));
        if ((how & 32U) != 0) {
            s.list.push(const_byte_span(memory_).first((how & 64U) != 0 ? 200'000 : 3'000));
            s.payload = &s.list;
        }
        s.answers = answers;
        if (answers == 0) {
            s.reply_header_max = 100;
            s.reply_payload_max = (how & 128U) != 0 ? 200'000 : 0;
        }
        end_.send(s);
        if ((how & 15U) == 9) { (void)end_.abandon(s); }
    }
    /// After the end is shut nothing may be under way.
    void finish() {
        for (const auto& s : sends_) { BFS_ASSERT(s->done); }
        for (const window_receive& r : receives_) { BFS_ASSERT(r.done); }
        kept_.clear();
        host_.inbox.clear();
    }

private:
    window_path& end_;
    host& host_;
    byte_string memory_;
    std::deque<std::unique_ptr<window_send>> sends_;
    std::deque<window_receive> receives_;
    std::deque<message_ptr> kept_;
};

/// One step of an input: what the peer publishes, and what this side does then.
struct window_step {
    std::uint8_t what =
        0; // 1: a record; 2: the peer's position; 4: a byte of the ring; 8: look; 16: no send of ours
    std::uint8_t how = 0;
    std::uint16_t where = 0;
    std::uint32_t number = 0;
    record published;
    std::array<std::byte, head_bytes> head{};
};

void publish(ring_memory& in, ring_memory& out, std::uint32_t& next, const window_step& step) {
    if ((step.what & 4U) != 0) {
        in.data[step.where % data_bytes] = static_cast<std::byte>(step.number & 0xff);
    }
    if ((step.what & 2U) != 0) { out.consumed.store(step.number); }
    if ((step.what & 1U) == 0) { return; }
    in.slots[next % slot_count].head = step.head;
    publish_record(in, next, step.published);
}

template <class End, class... Arguments>
void run_window(const_byte_span input, bool client, Arguments... arguments) {
    block shared;
    runtime::loop loop;
    window_set set(loop);
    host under;
    path_host& as_host = under;
    auto end = std::make_unique<End>(
        set, as_host, std::make_unique<heap_memory>(shared.data, size_with_staging), arguments...);
    end->start();
    window_user user(*end, under);
    ring_memory& in = client ? shared.layout().to_client : shared.layout().to_server;
    ring_memory& out = client ? shared.layout().to_server : shared.layout().to_client;
    std::uint32_t next = 0;
    source from(input);
    for (int steps = 0; !from.empty() && steps < 400 && !under.failed; ++steps) {
        const auto step = from.take<window_step>();
        if (client && (step.what & 16U) == 0) { user.send(step.how, 0); }
        publish(in, out, next, step);
        if ((step.what & 8U) != 0) { end->poll(); }
        user.handle(step.how);
    }
    end->shut(errc::peer_down);
    user.finish();
    end.reset();
}

void run_window_server(const_byte_span input) {
    run_window<server_end>(input, false, benchfs::transport::window::nonce{});
}
void run_window_client(const_byte_span input) { run_window<client_end>(input, true); }

window_step step_of(record_kind kind, std::uint16_t exchange, std::uint32_t payload, std::uint8_t how) {
    window_step s;
    s.what = 1 | 8;
    s.how = how;
    s.published.kind = kind;
    s.published.exchange = exchange;
    s.published.payload_size = payload;
    s.published.header_size = 30;
    s.published.reply_header_max = 100;
    return s;
}

/// Small calls, a staged write, a read with lent pieces; for the client their answers.
std::vector<byte_string> window_corpus() {
    std::vector<byte_string> all;
    sink small;
    for (std::uint16_t i = 0; i < 20; ++i) {
        small.put(step_of(record_kind::message, i % 4, i % 3 == 0 ? 4000 : 0, 1 | 4 | 16));
    }
    all.push_back(small.bytes());
    sink staged;
    staged.put(step_of(record_kind::staged, 1, 150'000, 1 | 4));
    for (std::uint8_t i = 0; i < 3; ++i) {
        window_step s =
            step_of(record_kind::piece, 1, i == 2 ? 150'000 - 2 * piece_bytes : piece_bytes, 1 | 4 | 16);
        s.published.piece = i;
        s.published.header_size = 0;
        staged.put(s);
    }
    all.push_back(staged.bytes());
    // Found once: a payload of no pieces, whose receive never ended.
    sink empty;
    empty.put(step_of(record_kind::staged, 0, 0, 1 | 4)).put(step_of(record_kind::message, 1, 0, 1));
    all.push_back(empty.bytes());
    sink read;
    window_step ask = step_of(record_kind::message, 2, 0, 1 | 16 | 32 | 64);
    ask.published.lent = 7;
    ask.published.reply_payload_max = 200'000;
    read.put(ask);
    window_step lend = step_of(record_kind::lend, 2, 0, 0);
    lend.published.lent = 8;
    read.put(lend).put(step_of(record_kind::abort, 2, 0, 0));
    window_step release = step_of(record_kind::release, 2, 0, 0);
    release.published.piece = 3;
    read.put(release);
    all.push_back(read.bytes());
    return all;
}

} // namespace

static_assert(wire_struct<window_step>);

const target window_server_target{"window_server", "a server's window that a client writes rubbish into",
                                  run_window_server, window_corpus, 1500};
const target window_client_target{"window_client", "a client's window that a server writes rubbish into",
                                  run_window_client, window_corpus, 1500};

} // namespace benchfs::fuzz
