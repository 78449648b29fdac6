// A whole client whose server answers with what the input says: replies of every method, and their payloads.
#include "rpc_peer.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/client/file_system.hpp"
#include "benchfs/client/fsck.hpp"
#include "benchfs/client/trace.hpp"
#include "benchfs/cluster/placement.hpp"
#include "benchfs/rpc/methods.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace benchfs::fuzz {
namespace {

using runtime::task;

/// How the next request is answered; the body and the payload follow.
struct answer_step {
    std::uint8_t how = 0;   // 0 to 4: ok with a body of the right size; 5: of any size; 6: an error; 7: hang up
    std::uint8_t frame = 0; // 1: bytes of the input instead of a frame; 2: another call's number
    std::uint16_t body = 0; // bytes, where any size goes
    std::uint32_t payload = 0;
    std::uint32_t error = 0;
    std::uint32_t pattern = 0; // of the payload beyond what the input has
};
static_assert(wire_struct<answer_step>);

struct welcome {
    std::uint32_t servers = 1;
    std::uint32_t chunk_size = 65536;
    std::uint32_t checksums = 0;
    std::uint32_t reserved = 0;
};
static_assert(wire_struct<welcome>);

[[nodiscard]] consteval std::array<std::uint16_t, rpc::method_limit> reply_sizes() {
    std::array<std::uint16_t, rpc::method_limit> sizes{};
    const auto fill = [&]<class... M>(rpc::method_list<M...>) {
        ((sizes[M::info.id] = static_cast<std::uint16_t>(sizeof(typename M::reply))), ...);
    };
    fill(rpc::all_methods{});
    return sizes;
}

/// Lets the client in, and answers from the input. When that has ended it says no.
class fuzz_server final : private transport::receiver {
public:
    fuzz_server(runtime::loop& loop, transport::loopback_network& network, source& from)
        : wire(loop, network), from_(from), welcome_(from.take<welcome>()) {
        wire.set_receiver(*this);
    }

    transport::loopback_transport wire;

private:
    void on_accept(transport::connection& c) noexcept override { c.trust(); }
    void on_closed(transport::connection&, errc) noexcept override {}
    void on_message(transport::connection& c, transport::message_ptr m) noexcept override {
        const result<rpc::decoded> d = rpc::decode(m->header());
        BFS_ASSERT(d.has_value()); // the client makes good frames
        rpc::frame head;
        head.flags = rpc::flag_reply;
        head.method = d->head.method;
        head.call_id = d->head.call_id;
        if (head.method == rpc::hello::info.id) {
            BFS_ASSERT(load(d->body, before_.client));
            before_.server.once.fill(std::byte{9});
            return send(c, *m, framed(head, nullptr, bytes_of(before_.server)), 0);
        }
        if (head.method == rpc::join::info.id) {
            rpc::join::request asked;
            BFS_ASSERT(load(d->body, asked));
            rpc::join::reply said;
            said.incarnation = 5;
            said.server_count = welcome_.servers;
            said.chunk_size = welcome_.chunk_size;
            said.checksums = welcome_.checksums % 2;
            sign(fuzz_cluster, before_, asked, said);
            return send(c, *m, framed(head, nullptr, bytes_of(said)), 0);
        }
        if (head.method == rpc::goodbye::info.id) { // or every run would end with a wait
            return send(c, *m, framed(head, nullptr, bytes_of(rpc::goodbye::reply{})), 0);
        }
        if (from_.empty()) {
            head.detail = static_cast<std::uint32_t>(errc::not_found);
            return send(c, *m, framed(head, nullptr, {}), 0);
        }
        answer(c, *m, head);
    }

    void answer(transport::connection& c, const transport::message& m, rpc::frame head) noexcept {
        static constexpr auto sizes = reply_sizes();
        const auto step = from_.take<answer_step>();
        const std::uint8_t how = step.how % 8;
        if (how == 7) { return c.close(errc::peer_down); }
        if (how == 6) { head.detail = step.error; }
        const std::size_t size = how < 5 ? sizes[head.method % rpc::method_limit] : step.body % 512;
        const const_byte_span given = from_.bytes(size);
        byte_string body(given.begin(), given.end());
        body.resize(size); // zeros
        if ((step.frame & 3U) == 1) { return send(c, m, std::move(body), step.payload); }
        if ((step.frame & 3U) == 2) { head.call_id += step.error; }
        // What follows in the input is the payload's beginning, for directory pages and checksums.
        pattern_ = step.pattern;
        send(c, m, framed(head, nullptr, body), step.payload % (2 << 20));
    }

    void send(transport::connection& c, const transport::message& m, byte_string header,
              std::size_t payload) noexcept {
        std::erase_if(sends_, [](const auto& op) { return op->done; });
        auto op = std::make_unique<outgoing>();
        op->head = std::move(header);
        op->head.resize(std::min(op->head.size(), transport::max_header));
        const const_byte_span given = from_.bytes(std::min<std::size_t>(payload, pattern_ % 600));
        op->body.assign(given.begin(), given.end());
        op->body.resize(payload, static_cast<std::byte>(pattern_ & 0xff));
        op->header = op->head;
        op->list.push(const_byte_span(op->body));
        op->payload = payload == 0 ? nullptr : &op->list;
        op->answers = m.token();
        sends_.push_back(std::move(op));
        c.send(*sends_.back());
        // What the transport refuses (more than there is room for) would leave the client waiting.
        if (sends_.back()->done && payload != 0) { c.close(errc::peer_down); }
    }

    source& from_;
    welcome welcome_;
    std::uint32_t pattern_ = 0;
    rpc::introduction before_;
    std::deque<std::unique_ptr<outgoing>> sends_;
};

class at_address final : public rpc::address_resolver {
public:
    explicit at_address(std::vector<std::byte> address) : address_(std::move(address)) {}
    [[nodiscard]] task<result<std::vector<std::byte>>> address_of(server_id) override { co_return address_; }

private:
    std::vector<std::byte> address_;
};

/// Whatever the answers are, a read gives no more than it was asked for, and every call ends.
task<void> use_file(file_system& fs, std::string path) {
    auto opened = co_await fs.open(path, open_flags::read | open_flags::write | open_flags::create);
    if (!opened) { co_return; }
    file f = *opened;
    byte_string memory(100'000, std::byte{1});
    (void)co_await f.write(memory, 10);
    const result<std::size_t> got = co_await f.read(memory, 5);
    BFS_ASSERT(!got || *got <= memory.size());
    (void)co_await f.truncate(7);
    (void)co_await f.stat();
    (void)co_await f.sync();
    (void)co_await f.close();
}

task<void> use_tools(file_system& fs) {
    fsck_options check;
    check.repair = check.deep = true;
    check.looks = 1;
    fsck_report found;
    server_id failed{};
    (void)co_await fsck(fs, check, found, failed);
    trace_options tracing;
    tracing.window = std::chrono::microseconds(1);
    trace_report trace;
    (void)co_await record_trace(fs, tracing, trace, failed);
    for (const trace_span& s : trace.spans) { BFS_ASSERT(s.queue_ns + s.network_ns <= s.whole_ns); }
}

task<void> use(file_system& fs, unsigned first) {
    for (unsigned i = 0; i < 9; ++i) {
        switch ((first + i) % 9) {
        case 0:
            co_await use_file(fs, "/d/f");
            break;
        case 1: {
            const auto entries = co_await fs.readdir("/d");
            if (entries) {
                for (const directory_entry& e : *entries) { BFS_ASSERT(validate_name(e.name).has_value()); }
            }
            break;
        }
        case 2:
            (void)co_await fs.mkdir("/d/e");
            break;
        case 3:
            (void)co_await fs.rename("/d/f", "/g");
            break;
        case 4:
            (void)co_await fs.unlink("/g");
            break;
        case 5:
            (void)co_await fs.statistics(server_id{0});
            (void)co_await fs.describe(server_id{0});
            break;
        case 8:
            co_await use_tools(fs);
            break;
        case 6:
            (void)co_await fs.usage();
            (void)co_await fs.set_times("/g", 1, 2);
            break;
        default:
            (void)co_await fs.truncate("/g", 5);
            (void)co_await fs.rmdir("/d");
            (void)co_await fs.sync();
            break;
        }
    }
}

void run_client(const_byte_span input) {
    using namespace std::chrono_literals;
    source from(input);
    const auto first = from.take<std::uint8_t>();
    transport::loopback_network network;
    runtime::loop loop;
    fuzz_server server(loop, network, from);
    transport::loopback_transport wire(loop, network);
    at_address where(server.wire.address());
    rpc::client_settings settings;
    settings.deadline = 10ms;
    settings.retry_for = duration{1};
    rpc::address_resolver& resolver = where;
    rpc::client calls(loop, wire, resolver, fuzz_cluster, settings);
    const auto placement = std::move(*cluster::make_placement({}, 1));
    {
        file_system fs(calls, *placement, {});
        loop.run(use(fs, first));
    }
    loop.run(calls.close());
    loop.run(server.wire.stop());
}

/// What an honest server could say, by method.
class answers {
public:
    answers(std::uint8_t first, std::uint32_t checksums) {
        out_.put(first);
        out_.put(welcome{1, 65536, checksums, 0});
    }
    template <class Reply>
    answers& ok(const Reply& reply, std::uint32_t payload = 0, std::uint32_t pattern = 0) {
        answer_step s;
        s.payload = payload;
        s.pattern = pattern;
        out_.put(s).put(reply);
        return *this;
    }
    answers& no(errc why) {
        answer_step s;
        s.how = 6;
        s.error = static_cast<std::uint32_t>(why);
        out_.put(s);
        return *this;
    }
    template <class T>
    answers& payload(const T& part) {
        out_.put(part);
        return *this;
    }
    [[nodiscard]] const byte_string& bytes() const noexcept { return out_.bytes(); }

private:
    sink out_;
};

rpc::wire_attributes a_file(std::uint64_t id, std::uint32_t type) {
    rpc::wire_attributes a;
    a.id = id;
    a.size = 5000;
    a.type = type;
    a.mode = 0644;
    a.nlink = 1;
    a.chunk_size = 65536;
    return a;
}

std::vector<byte_string> client_corpus() {
    const auto file_type = static_cast<std::uint32_t>(file_type::file);
    const auto directory_type = static_cast<std::uint32_t>(file_type::directory);
    const rpc::wire_attributes d = a_file(2, directory_type);
    const rpc::wire_attributes f = a_file(3, file_type);
    std::vector<byte_string> all;
    for (const std::uint32_t checksums : {0U, 1U}) {
        answers file(0, checksums);
        file.ok(d).ok(rpc::create::reply{f, 1});
        for (int part = 0; part < 2; ++part) { file.ok(rpc::write_chunk::reply{10, 100'010}); }
        for (int part = 0; part < 2; ++part) {
            file.ok(rpc::read_chunk::reply{4096, checksums, 5000, 0}, 4096 + 4 * checksums, 7);
        }
        file.ok(f).ok(f).ok(rpc::sync_server::reply{});
        all.push_back(file.bytes());
    }
    // Found once: a chunk size to divide by that is none.
    rpc::wire_attributes no_chunks = f;
    no_chunks.chunk_size = 0;
    answers divided(0, 0);
    divided.ok(d).ok(rpc::create::reply{no_chunks, 1}).ok(rpc::write_chunk::reply{10, 100'010});
    all.push_back(divided.bytes());
    answers page(1, 0);
    const rpc::wire_entry entry{f, 5, 0};
    page.ok(d)
        .ok(d)
        .ok(rpc::readdir::reply{1, 0}, sizeof(entry) + 8, 599)
        .payload(entry)
        .payload(std::array<char, 8>{"alpha"});
    all.push_back(page.bytes());
    answers changes(2, 0);
    changes.ok(d).ok(d).ok(rpc::empty_reply{}).ok(f).no(errc::not_found);
    all.push_back(changes.bytes());
    answers lists(8, 1);
    const auto no_list = rpc::inventory::reply{};
    const rpc::wire_chunk chunk{3, rpc::wire_chunk::no_epoch, 0, 5000};
    const rpc::wire_name name{1, 3, file_type, 5};
    const rpc::wire_inode inode{3, 5000, 0, file_type, 65536};
    lists.ok(no_list).ok(no_list); // pending, stripes
    lists.ok(rpc::inventory::reply{1, 0, {}}, sizeof(chunk), 599).payload(chunk);
    lists.ok(rpc::inventory::reply{1, 1, {1, 1, 0}}, sizeof(name) + 8, 599).payload(name);
    lists.payload(std::array<char, 8>{"alpha"}).ok(no_list);
    lists.ok(rpc::inventory::reply{1, 0, {}}, sizeof(inode), 599).payload(inode).ok(no_list);
    lists.ok(rpc::read_chunk::reply{5000, 1, 5000, 0}, 5004, 7);
    all.push_back(lists.bytes());
    answers figures(5, 0);
    for (int i = 0; i < 30; ++i) { figures.ok(rpc::method_counters::reply{}); }
    all.push_back(figures.bytes());
    return all;
}

} // namespace

const target client_target{"client", "every reply, at a whole client", run_client, client_corpus, 250};

} // namespace benchfs::fuzz
