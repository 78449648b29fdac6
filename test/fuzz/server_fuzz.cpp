// A whole server, memory engine, behind the rpc layer: a peer that has or has not joined sends any frames.
#include "rpc_peer.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/rpc/methods.hpp"
#include "benchfs/server/instance.hpp"

#include <array>
#include <string>

namespace benchfs::fuzz {
namespace {

using rpc::method_limit;

/// What a step of the input asks for; the body follows.
struct request_step {
    enum class act : std::uint8_t { request, raw, reconnect, join, look };
    std::uint8_t what = 0; // an act, modulo 5
    std::uint8_t method = 0;
    std::uint8_t flags = 0; // 1: session block; 2: its session is another one; 4: turn the loop first
    std::uint8_t sequence = 0;
    std::uint16_t body = 0; // bytes that follow
    std::uint16_t payload = 0;
    std::uint32_t reply_payload = 0;
    std::uint32_t generation = 1;
};
static_assert(wire_struct<request_step>);

constexpr std::uint64_t our_session = 77;
constexpr std::uint32_t room_max = 1 << 20;

/// A server, and the one who talks to it.
class fuzzed_server {
public:
    fuzzed_server() : wire_(loop_, network_), environment_{loop_, nullptr, wire_, fuzz_cluster} {
        server_options options;
        options.engine = "memory";
        options.memory_limit = 8 * MiB;
        options.memory_ahead = 0;
        environment_.chunk_size = 64 * KiB;
        auto opened = loop_.run(server::instance::open(environment_, options));
        BFS_ASSERT(opened);
        instance_ = std::move(*opened);
        client_ = std::make_unique<fuzz_client>(loop_, network_);
    }
    ~fuzzed_server() {
        client_.reset();
        (void)loop_.run(instance_->stop());
        instance_.reset();
        loop_.run(wire_.stop());
    }

    void step(source& from) {
        const auto s = from.take<request_step>();
        const const_byte_span body = from.bytes(s.body % 1024);
        if ((s.flags & 4U) != 0) { client_->turns(3); }
        switch (static_cast<request_step::act>(s.what % 5)) {
        case request_step::act::request:
            return request(s, body);
        case request_step::act::raw:
            return client_->send({body.begin(), body.end()}, s.payload, 256, s.reply_payload % room_max);
        case request_step::act::reconnect:
            return client_->connect(wire_.address());
        case request_step::act::join:
            client_->connect(wire_.address());
            return client_->join((s.flags & 2U) != 0 ? our_session + 1 : our_session, s.generation);
        case request_step::act::look:
            return client_->turns(s.payload % 32);
        }
    }

    /// Whatever was sent, somebody else is served.
    void serves_others() {
        client_->turns(40);
        fuzz_client other(loop_, network_);
        other.connect(wire_.address());
        other.join(our_session + 2, 1);
        BFS_ASSERT(other.up());
        rpc::frame head;
        head.method = rpc::ping::info.id;
        const std::size_t before = other.answered;
        other.send(framed(head, nullptr, bytes_of(rpc::ping::request{5})), 0, 256, 0);
        other.turns();
        BFS_ASSERT(other.up() && other.answered == before + 1);
        BFS_ASSERT(instance_->requests().memory() < 64 * MiB);
    }

private:
    void request(const request_step& s, const_byte_span body) {
        rpc::frame head;
        head.method = s.method % method_limit;
        head.call_id = s.sequence;
        head.detail = 1000;
        const rpc::session_block session{(s.flags & 2U) != 0 ? our_session + 1 : our_session, s.sequence, 1,
                                         s.generation, 0};
        client_->send(framed(head, (s.flags & 1U) != 0 ? &session : nullptr, body), s.payload,
                      sizeof(rpc::frame) + 200, s.reply_payload % room_max);
    }

    transport::loopback_network network_;
    runtime::loop loop_;
    transport::loopback_transport wire_;
    server::instance_environment environment_;
    std::unique_ptr<server::instance> instance_;
    std::unique_ptr<fuzz_client> client_;
};

void run_server(const_byte_span input) {
    fuzzed_server server;
    source from(input);
    for (int steps = 0; !from.empty() && steps < 48; ++steps) { server.step(from); }
    server.serves_others();
}

/// Writes a conversation down.
class conversation_writer {
public:
    void act(request_step::act what) {
        request_step s;
        s.what = static_cast<std::uint8_t>(what);
        out_.put(s);
    }
    template <rpc::rpc_method M>
    void call(const typename M::request& request, std::string_view tail = {}, std::uint16_t payload = 0,
              std::uint32_t reply_payload = 0) {
        request_step s;
        s.method = static_cast<std::uint8_t>(M::info.id);
        s.flags = 4;
        if (M::info.repeat == rpc::idempotency::at_most_once) {
            s.flags |= 1;
            s.sequence = ++sequence_;
        }
        s.body = static_cast<std::uint16_t>(sizeof(request) + tail.size());
        s.payload = payload;
        s.reply_payload = reply_payload;
        out_.put(s).put(request).put_text(tail);
    }
    [[nodiscard]] const byte_string& bytes() const noexcept { return out_.bytes(); }

private:
    sink out_;
    std::uint8_t sequence_ = 0;
};

constexpr std::uint64_t root = 1;
// What the first names get: the server counts on from its incarnation.
constexpr std::uint64_t first_id = (std::uint64_t{1} << 24) + 2;

byte_string names_input() {
    conversation_writer c;
    c.act(request_step::act::join);
    c.call<rpc::create>({{root, 0, 0}, 0644, 0, 0, 0}, "file");
    c.call<rpc::mkdir>({{root, 0, 0}, 0755, 0}, "directory");
    c.call<rpc::create>({{first_id + 1, 0, 0}, 0644, 1, 65536, 0}, "inside");
    c.call<rpc::lookup>({root, 0, 0}, "file");
    c.call<rpc::stat>({first_id});
    c.call<rpc::rename>({root, first_id + 1, 4, 0}, "fileother");
    c.call<rpc::readdir>({root, 4096, 0}, "", 0, 4096);
    c.call<rpc::readdir>({first_id + 1, 200, 0}, "a", 0, 4096);
    c.call<rpc::set_attributes>({first_id, 5, 6, 0600, 7});
    c.call<rpc::rmdir>({root, 0, 0}, "directory");
    c.call<rpc::unlink>({first_id + 1, 0, 0}, "other");
    c.call<rpc::statfs>({});
    c.act(request_step::act::join);
    c.call<rpc::goodbye>({our_session});
    return c.bytes();
}

byte_string data_input() {
    conversation_writer c;
    c.act(request_step::act::join);
    c.call<rpc::create>({{root, 0, 0}, 0644, 0, 0, 0}, "file");
    c.call<rpc::write_chunk>({first_id, 0, 0, 100, 5000, 0}, {}, 5000);
    c.call<rpc::write_chunk>({first_id, 0, 0, 0, 300, 1}, {}, 300);
    c.call<rpc::read_chunk>({first_id, 0, 0, 65536, 0}, {}, 0, 70000);
    c.call<rpc::extend>({first_id, 0, 100000});
    c.call<rpc::set_size>({first_id, 1000});
    c.call<rpc::cut_chunk>({first_id, 0, 10});
    c.call<rpc::sync_server>({first_id});
    c.call<rpc::method_counters>({});
    c.call<rpc::server_status>({});
    c.act(request_step::act::look);
    return c.bytes();
}

/// Found once: cutting a file looked at every chunk that it could have.
byte_string sparse_input() {
    conversation_writer c;
    c.act(request_step::act::join);
    c.call<rpc::create>({{root, 0, 0}, 0644, 0, 0, 0}, "file");
    c.call<rpc::write_chunk>({first_id, 0, 5, 100, 5000, 0}, {}, 5000);
    c.call<rpc::set_size>({first_id, std::uint64_t{1} << 47});
    c.call<rpc::set_size>({first_id, 70'000});
    c.call<rpc::unlink>({root, 0, 0}, "file");
    return c.bytes();
}

/// Every method there is, so that a new one is tried without a line here.
byte_string all_methods_input() {
    conversation_writer c;
    c.act(request_step::act::join);
    const auto call_each = [&]<class... M>(rpc::method_list<M...>) {
        (c.call<M>(typename M::request{}, M::info.request_tail_max == 0 ? "" : "name",
                   M::info.payload == rpc::bulk::to_server ? std::uint16_t{64} : std::uint16_t{0}, 4096),
         ...);
    };
    call_each(rpc::all_methods{});
    return c.bytes();
}

byte_string stranger_input() {
    sink out;
    request_step s;
    s.what = static_cast<std::uint8_t>(request_step::act::reconnect);
    out.put(s);
    rpc::hello::request hello;
    hello.cluster_id = fuzz_cluster.id;
    s = {};
    s.method = static_cast<std::uint8_t>(rpc::hello::info.id);
    s.body = sizeof(hello);
    out.put(s).put(hello);
    const rpc::join::request join;
    s.method = static_cast<std::uint8_t>(rpc::join::info.id);
    s.flags = 4;
    s.body = sizeof(join);
    out.put(s).put(join);
    rpc::frame head;
    const byte_string raw = framed(head, nullptr, bytes_of(hello));
    s = {};
    s.what = static_cast<std::uint8_t>(request_step::act::raw);
    s.body = static_cast<std::uint16_t>(raw.size());
    out.put(s).put_bytes(raw);
    return out.bytes();
}

std::vector<byte_string> server_corpus() {
    return {names_input(), data_input(), sparse_input(), all_methods_input(), stranger_input()};
}

} // namespace

const target server_target{"server", "every request, hello and join, at a whole server", run_server,
                           server_corpus, 1500};

} // namespace benchfs::fuzz
