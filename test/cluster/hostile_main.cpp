// A hostile peer as a process of its own:
//   cluster-hostile REGISTRY MODE SEED ROUNDS
// strange: active messages of any bytes, from a UCX worker of its own that speaks no protocol
// outside:  rpc frames of any kind on connections that have proved nothing
// member-ucx, member-window: the same after a good join (it knows the secret), over the network or a window
// scribble: joins over a window, writes rubbish all over its shared memory, and asks on
// Prints "ready" before it begins. Exit code 0 when all rounds are done, whatever the server did about them.
#include "stranger.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/rpc/methods.hpp"
#include "benchfs/transport/ucx/context.hpp"
#include "benchfs/transport/ucx/endpoint.hpp"
#include "benchfs/transport/ucx/send.hpp"
#include "benchfs/transport/ucx/wire.hpp"
#include "benchfs/transport/ucx/worker.hpp"
#include "benchfs/transport/window/layout.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace benchfs::test {
namespace {

using bytes = std::vector<std::byte>;

bytes random_bytes(prng& random, std::size_t size) {
    bytes all(size);
    for (std::byte& b : all) { b = static_cast<std::byte>(random.next() & 0xff); }
    return all;
}

// ---- below the protocol ----

/// A worker and an endpoint that send whatever they are given.
class bare_sender final : private transport::ucx::endpoint_observer {
public:
    explicit bare_sender(const bytes& address) {
        auto network = transport::ucx::context::create();
        if (!network) { throw std::runtime_error("no network"); }
        auto made = transport::ucx::worker::create(loop_, *std::move(network));
        if (!made) { throw std::runtime_error("no worker"); }
        worker_ = *std::move(made);
        // Answers come too; UCX crashes where there is no handler for them.
        ucp_am_handler_param_t handler{};
        handler.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB;
        handler.id = transport::ucx::am_id;
        handler.cb = [](void*, const void*, std::size_t, void*, std::size_t, const ucp_am_recv_param_t*) {
            return UCS_OK;
        };
        if (ucp_worker_set_am_recv_handler(worker_->handle(), &handler) != UCS_OK) {
            throw std::runtime_error("UCX");
        }
        observer& me = *this;
        end_ = std::make_unique<transport::ucx::endpoint>(*worker_, me);
        if (!end_->open(transport::ucx::unwrap_address(address))) { throw std::runtime_error("no endpoint"); }
    }
    ~bare_sender() {
        end_->force_close();
        for (int i = 0; i < 100'000 && !gone_; ++i) { worker_->drain(); }
        for (int i = 0; i < 1000; ++i) { worker_->drain(); }
        end_.reset();
    }

    void send(const bytes& header, const bytes& payload, bool apart) {
        ucp_request_param_t params{};
        params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
        params.flags = apart ? UCP_AM_SEND_FLAG_RNDV : UCP_AM_SEND_FLAG_EAGER;
        void* sent = ucp_am_send_nbx(end_->handle(), transport::ucx::am_id, header.data(), header.size(),
                                     payload.data(), payload.size(), &params);
        if (sent == nullptr || UCS_PTR_IS_ERR(sent)) { return; }
        for (int i = 0; i < 200'000 && ucp_request_check_status(sent) == UCS_INPROGRESS; ++i) {
            worker_->progress_once();
        }
        if (ucp_request_check_status(sent) == UCS_INPROGRESS) { ucp_request_cancel(worker_->handle(), sent); }
        for (int i = 0; i < 200'000 && ucp_request_check_status(sent) == UCS_INPROGRESS; ++i) {
            worker_->progress_once();
        }
        ucp_request_free(sent);
    }
    [[nodiscard]] const_byte_span address() const { return worker_->address(); }

private:
    using observer = transport::ucx::endpoint_observer;
    void on_endpoint_failed(errc) noexcept override {}
    void on_endpoint_flushed(errc) noexcept override {}
    void on_endpoint_closed() noexcept override { gone_ = true; }

    runtime::loop loop_;
    std::unique_ptr<transport::ucx::worker> worker_;
    std::unique_ptr<transport::ucx::endpoint> end_;
    bool gone_ = false;
};

void strange(const std::string& registry, prng& random, unsigned rounds) {
    using namespace transport::ucx;
    std::string why;
    const auto view = cluster::read_view(registry, why);
    if (!view) { throw std::runtime_error(why); }
    bare_sender sender(view->servers.front().address);
    const bytes address = wrap_address(sender.address());
    for (unsigned i = 0; i < rounds; ++i) {
        wire_prefix prefix;
        prefix.kind = static_cast<std::uint8_t>(random.below(14));
        prefix.version = random.below(20) == 0 ? std::uint8_t{9} : wire_version;
        prefix.flags = static_cast<std::uint16_t>(random.below(3));
        prefix.to = random.below(3) == 0 ? random.next() : random.below(8);
        prefix.extra = random.next();
        const const_byte_span front = bytes_of(prefix);
        bytes header(front.begin(), front.end());
        const bytes rest = random_bytes(random, random.below(300));
        header.insert(header.end(), rest.begin(), rest.end());
        if (random.below(4) == 0) { header.resize(random.below(header.size())); }
        bytes payload = random_bytes(random, random.below(5) == 0 ? 20'000 : random.below(200));
        if (prefix.kind == static_cast<std::uint8_t>(wire_kind::hello) && random.below(2) == 0) {
            // A good address among handles that are none, and sometimes a damaged one.
            const std::array<std::uint64_t, 2> live{random.next(), random.next()};
            payload = encode_hello(live, random.below(2) == 0, address);
            header.resize(std::min(header.size(), sizeof(prefix)));
            if (random.below(2) == 0) { payload[random.below(payload.size())] ^= std::byte{64}; }
        }
        sender.send(header, payload, random.below(4) == 0);
    }
}

// ---- rpc frames ----

/// A frame with a good checksum, most of the time, around anything.
bytes some_frame(prng& random, std::uint64_t session) {
    const auto& infos = rpc::all_methods::infos;
    rpc::frame head;
    head.method =
        random.below(8) == 0 ? static_cast<std::uint16_t>(random.next()) : infos[random.below(infos.size())].id;
    head.flags = random.below(20) == 0 ? static_cast<std::uint8_t>(random.below(256)) : std::uint8_t{0};
    head.call_id = random.below(64);
    head.detail = static_cast<std::uint32_t>(random.next());
    const rpc::session_block block{random.below(6) == 0 ? random.next() : session, random.below(200),
                                   random.below(200), 1, 0};
    bytes body = random_bytes(random, random.below(4) == 0 ? random.below(900) : random.below(80));
    // Numbers that could be offsets and sizes, behind the id of a file or directory. Who knows the secret may
    // change every file, so what would be a good request names none that the good client has.
    const bool harmless = head.method == rpc::create::info.id || head.method == rpc::lookup::info.id ||
                          head.method == rpc::readdir::info.id || head.method == rpc::stat::info.id;
    const std::uint64_t root = 1;
    const std::uint64_t nobody = (std::uint64_t{1} << 40) + random.below(100);
    for (std::size_t at = 0; at + 8 <= body.size() && (at == 0 || random.below(3) != 0); at += 8) {
        std::uint64_t number = random.below(4) == 0 ? ~random.below(5000) : random.below(5000);
        if (at == 0) { number = harmless ? root : nobody; }
        std::memcpy(body.data() + at, &number, 8);
    }
    rpc::header_buffer out;
    out.begin(head, random.below(2) == 0 ? &block : nullptr);
    if (!out.append(body)) { return {}; }
    out.finish();
    bytes all(out.bytes().begin(), out.bytes().end());
    if (random.below(10) == 0) { all[random.below(all.size())] ^= std::byte{16}; }
    if (random.below(20) == 0) { all.resize(random.below(all.size())); }
    return all;
}

void send_some(stranger& peer, prng& random, std::uint64_t session) {
    const std::size_t payload = random.below(3) == 0 ? random.below(60'000) : 0;
    // Our own end of a window sends no payload without room for an answer.
    const auto room = static_cast<std::uint32_t>((payload == 0 ? 0 : 1) + random.below(700));
    peer.send(some_frame(random, session), payload, room, static_cast<std::uint32_t>(random.below(100'000)));
    if (random.below(8) == 0) { peer.turn_for(std::chrono::milliseconds(1)); }
}

void outside(stranger& peer, prng& random, unsigned rounds) {
    for (unsigned i = 0; i < rounds; ++i) {
        if (!peer.connected() && !peer.connect()) { continue; }
        if (random.below(4) == 0) { (void)peer.say_hello(); }
        send_some(peer, random, 1);
        peer.turn_for(std::chrono::milliseconds(1));
    }
}

bool come_in(stranger& peer, std::uint64_t session, bool window) {
    return peer.connect() && peer.enter(session) && (!window || peer.upgrade());
}

void member(stranger& peer, prng& random, unsigned rounds, bool window) {
    for (unsigned i = 0; i < rounds; ++i) {
        const std::uint64_t session = random.next() | 1;
        if (!peer.connected() && !come_in(peer, session, window)) { continue; }
        for (int n = 0; n < 40 && peer.connected(); ++n) { send_some(peer, random, session); }
        peer.turn_for(std::chrono::milliseconds(2));
        if (random.below(3) == 0) { peer.disconnect(); }
    }
}

// ---- shared memory ----

/// Where this process sees its window.
transport::window::window_memory* find_window() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        char rights[8] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %7s", &begin, &end, rights) != 3) { continue; }
        if (std::string_view(rights) != "rw-s") { continue; }
        for (unsigned long at = begin; at + sizeof(transport::window::window_memory) <= end; at += 4096) {
            auto* found = reinterpret_cast<transport::window::window_memory*>(at);
            if (found->magic == transport::window::window_magic) { return found; }
        }
    }
    return nullptr;
}

/// One slot with plausible rubbish, and a number in front of it that the server waits for.
void forge(transport::window::ring_memory& ring, std::uint32_t number, prng& random) {
    using namespace transport::window;
    slot& s = ring.slots[(number - 1) % slot_count];
    s.what.kind = static_cast<record_kind>(random.below(8));
    s.what.piece = static_cast<std::uint8_t>(random.below(random.below(4) == 0 ? 256 : piece_count));
    s.what.header_size = static_cast<std::uint16_t>(random.below(random.below(4) == 0 ? 65536 : 200));
    s.what.payload_size =
        static_cast<std::uint32_t>(random.below(random.below(4) == 0 ? ~0ULL >> 32 : 100'000));
    s.what.exchange = static_cast<std::uint16_t>(random.below(random.below(4) == 0 ? 65536 : 8));
    s.what.lent = static_cast<std::uint16_t>(random.next());
    s.what.reply_payload_max = static_cast<std::uint32_t>(random.next());
    s.what.reply_header_max = static_cast<std::uint16_t>(random.below(1024));
    for (std::byte& b : s.head) { b = static_cast<std::byte>(random.next() & 0xff); }
    std::atomic_ref<std::uint32_t>(s.what.sequence).store(number, std::memory_order_release);
}

void scribble(stranger& peer, prng& random, unsigned rounds) {
    using namespace transport::window;
    for (unsigned i = 0; i < rounds; ++i) {
        const std::uint64_t session = random.next() | 1;
        if (!come_in(peer, session, true)) { continue; }
        window_memory* shared = find_window();
        if (shared == nullptr) { throw std::runtime_error("this process sees no window"); }
        // What the client has sent so far is not known here: numbers around the likely one.
        for (int n = 0; n < 200 && shared != nullptr; ++n) {
            forge(shared->to_server, static_cast<std::uint32_t>(1 + random.below(40)), random);
            if (random.below(3) == 0) {
                shared->to_client.consumed.store(static_cast<std::uint32_t>(random.next()));
            }
            shared->to_server.data[random.below(data_bytes)] = static_cast<std::byte>(random.next() & 0xff);
            if (random.below(8) != 0) { continue; }
            send_some(peer, random, session);
            shared = find_window(); // it goes when this process is thrown out
        }
        peer.turn_for(std::chrono::milliseconds(2));
        peer.disconnect();
    }
}

int run(char** argv) {
    const std::string registry = argv[1];
    const std::string_view mode = argv[2];
    prng random(std::strtoull(argv[3], nullptr, 10));
    const auto rounds = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));
    const bool window = mode == "member-window" || mode == "scribble";
    std::puts("ready");
    std::fflush(stdout);
    if (mode == "strange") {
        strange(registry, random, rounds);
        return 0;
    }
    stranger peer(registry, window ? "window" : "ucx");
    if (mode == "outside") {
        outside(peer, random, rounds);
    } else if (mode == "scribble") {
        scribble(peer, random, rounds);
    } else {
        member(peer, random, rounds, window);
    }
    return 0;
}

} // namespace
} // namespace benchfs::test

int main(int argc, char** argv) {
    if (argc != 5) { return 2; }
    try {
        return benchfs::test::run(argv);
    } catch (const std::exception& e) {
        std::printf("%s\n", e.what());
        return 1;
    }
}
