// BenchFS Mini (benchfs_mini.h): server and client.
//
// Every coroutine of the server belongs to the instance's scope and every wait has a deadline, but for the wait
// for a client's next request: UCX reports the death of its process.
#include "benchfs_mini.h"

#include "instance.hpp"
#include "registry.hpp"
#include "wire.hpp"

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/errc.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/context.hpp"
#include "benchfs/transport/ucx/resolve.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace benchfs::mini {
namespace {

using namespace std::chrono_literals;
using runtime::task;

constexpr std::uint64_t connections_max = 1024;
constexpr std::size_t piece_size = std::size_t{1} << 20; // received at once: what a peer only claims costs this
constexpr duration connect_try = 5s;
constexpr duration connect_pause = 50ms;
constexpr duration longest_sleep = 10s;

// ---- the instance ----

std::unique_ptr<instance> active;
std::string last_error;

std::string text_of(errc code) { return std::string(message(code)); }

int failed(errc code, const std::string& text) {
    last_error = text;
    BFS_LOG_DEBUG("mini", "%s", text.c_str());
    return -to_errno(code);
}

/// What UCX says of it, also where it is not printed.
std::string print_endpoint(const instance& m, const char* what, const std::string& peer, const stream& s) {
    std::string info = s.endpoint_info();
    if (!m.config.quiet) {
        std::fprintf(stderr, "benchfs-mini: %s %s, local address %s, remote address %s, transports %s\n%s",
                     what, peer.c_str(), s.local_address().c_str(), s.remote_address().c_str(),
                     m.worker->network().resources().c_str(), info.c_str());
    }
    return info;
}

// ---- server ----

/// One connection at the server, in the frame of its coroutine.
struct visitor {
    stream_ptr s;
    std::string name;
    std::string complaint; // why it is dropped
    std::string endpoint;  // as it was printed last
    std::uint64_t requests = 0;
};

task<status> pause(duration time) { co_return co_await runtime::sleep_for(time); }

template <class T>
byte_span writable_bytes(T& value) {
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

task<status> receive(instance* m, stream* s, byte_span to) {
    const result<std::size_t> got = co_await runtime::with_timeout(m->allowance(to.size()), s->receive(to));
    if (!got) { co_return got.error(); }
    co_return ok();
}

task<status> send(instance* m, stream* s, const_byte_span bytes) {
    const status sent = co_await runtime::with_timeout(m->allowance(bytes.size()), s->send(bytes));
    co_return sent;
}

/// What follows the id. bad_frame and a complaint for what no client of ours sends.
task<status> receive_request(instance* m, visitor* v, request* r) {
    std::uint32_t lengths[2] = {};
    BFS_CO_CHECK(co_await receive(m, v->s.get(), std::as_writable_bytes(std::span(lengths))));
    r->data_length = lengths[1];
    v->complaint = objection(*r, lengths[0]);
    if (!v->complaint.empty()) { co_return errc::bad_frame; }
    if (has_offset(r->id)) { BFS_CO_CHECK(co_await receive(m, v->s.get(), writable_bytes(r->offset))); }
    r->path.resize(lengths[0]);
    const byte_span path = std::as_writable_bytes(std::span(r->path.data(), r->path.size()));
    BFS_CO_CHECK(co_await receive(m, v->s.get(), path));
    co_return ok();
}

/// All of the data, also where there is no room for it: the next request comes behind it.
task<status> receive_data(instance* m, visitor* v, std::size_t length, counted_bytes* to, bool* fits) {
    std::vector<std::byte> unwanted;
    *fits = true;
    for (std::size_t got = 0; got < length;) {
        const std::size_t n = std::min(piece_size, length - got);
        if (*fits && !to->grow(n)) {
            *fits = false;
            to->clear();
            unwanted.resize(piece_size);
        }
        byte_span part = *fits ? byte_span(to->bytes).subspan(got, n) : byte_span(unwanted).first(n);
        BFS_CO_CHECK(co_await receive(m, v->s.get(), part));
        got += n;
    }
    co_return ok();
}

/// `value`: the size, or how much was written.
task<status> answer(instance* m, visitor* v, const request* r, errc outcome, const_byte_span data,
                    std::uint64_t value) {
    const std::int32_t code = outcome == errc::ok ? 0 : -to_errno(outcome);
    const auto length = static_cast<std::uint32_t>(data.size());
    const std::uint64_t shown = is_read(r->id) ? length : value;
    BFS_LOG_DEBUG("mini", "%s: %s %s: %s, %llu bytes", v->name.c_str(), name_of(r->id), r->path.c_str(),
                  text_of(outcome).c_str(), static_cast<unsigned long long>(shown));
    std::vector<std::byte> head;
    append(head, bytes_of(code));
    if (is_read(r->id)) { append(head, bytes_of(length)); }
    if (r->id == rpc::size) { append(head, bytes_of(value)); }
    BFS_CO_CHECK(co_await send(m, v->s.get(), head));
    co_return co_await send(m, v->s.get(), data);
}

task<status> serve_write(instance* m, visitor* v, const request* r) {
    counted_bytes data(m->files);
    bool fits = true;
    BFS_CO_CHECK(co_await receive_data(m, v, r->data_length, &data, &fits));
    errc outcome = errc::no_space;
    if (fits) { outcome = m->files.write(r->path, r->offset, data.bytes, r->id == rpc::write).error(); }
    data.clear();
    co_return co_await answer(m, v, r, outcome, const_byte_span{}, r->data_length);
}

/// Copied before it is sent: meanwhile the file may change.
task<status> serve_read(instance* m, visitor* v, const request* r) {
    counted_bytes data(m->files);
    const std::vector<std::byte>* file = m->files.find(r->path);
    errc outcome = file == nullptr ? errc::not_found : errc::ok;
    if (file != nullptr && r->offset < file->size()) {
        const const_byte_span rest = const_byte_span(*file).subspan(r->offset);
        const std::size_t n = std::min<std::size_t>(r->data_length, rest.size());
        if (data.grow(n)) {
            std::copy_n(rest.begin(), n, data.bytes.begin());
        } else {
            outcome = errc::no_memory;
        }
    }
    co_return co_await answer(m, v, r, outcome, data.bytes, 0);
}

task<status> serve_usage(instance* m, visitor* v, const request* r) {
    const usage_answer now{m->config.memory_limit, m->files.used(), m->files.count()};
    const const_byte_span all = bytes_of(now);
    co_return co_await answer(m, v, r, errc::ok, all.first(std::min<std::size_t>(r->data_length, all.size())),
                              0);
}

task<status> serve_request(instance* m, visitor* v, std::uint16_t id) {
    if (!is_known(id)) {
        v->complaint = "there is no request " + std::to_string(id);
        co_return errc::bad_frame;
    }
    request r;
    r.id = static_cast<rpc>(id);
    BFS_CO_CHECK(co_await receive_request(m, v, &r));
    if (is_write(r.id)) { co_return co_await serve_write(m, v, &r); }
    if (r.id == rpc::usage) { co_return co_await serve_usage(m, v, &r); }
    if (is_read(r.id)) { co_return co_await serve_read(m, v, &r); }
    errc outcome = errc::ok;
    std::uint64_t size = 0;
    if (r.id == rpc::remove) {
        outcome = m->files.remove(r.path).error();
    } else if (const std::vector<std::byte>* file = m->files.find(r.path); file != nullptr) {
        size = file->size();
    } else {
        outcome = errc::not_found;
    }
    co_return co_await answer(m, v, &r, outcome, const_byte_span{}, size);
}

/// Ends with the connection. A client may be idle as long as it likes: UCX tells when it has died.
task<status> serve_requests(instance* m, visitor* v) {
    while (true) {
        std::uint16_t id = 0;
        BFS_CO_TRY([[maybe_unused]] const std::size_t got, co_await v->s->receive(writable_bytes(id)));
        // What UCX agreed on with the client's side is known a little after the connection was accepted.
        if (v->requests == 0 && v->s->endpoint_info() != v->endpoint) {
            print_endpoint(*m, "serving", v->name, *v->s);
        }
        BFS_CO_CHECK(co_await serve_request(m, v, id));
        ++v->requests;
        ++m->stats.requests;
    }
}

task<status> serve_client(instance* m, stream_ptr s) {
    visitor v;
    v.s = std::move(s);
    v.name = "client " + std::to_string(++m->stats.accepted);
    if (const std::string from = v.s->remote_address(); !from.empty()) { v.name += " (" + from + ")"; }
    ++m->stats.connected;
    errc why = errc::too_many_files;
    if (m->stats.connected > connections_max) {
        v.complaint = "there are too many connections";
    } else {
        v.endpoint = print_endpoint(*m, "accepted", v.name, *v.s);
        const status ended = co_await serve_requests(m, &v);
        why = ended.error();
    }
    if (!v.complaint.empty() || why == errc::timed_out) {
        ++m->stats.dropped;
        if (v.complaint.empty()) { v.complaint = "the rest of a request took too long"; }
        BFS_LOG_WARN("mini", "%s is dropped: %s", v.name.c_str(), v.complaint.c_str());
    } else {
        BFS_LOG_DEBUG("mini", "%s has left: %s", v.name.c_str(), text_of(why).c_str());
    }
    co_await v.s->close();
    --m->stats.connected;
    if (v.requests != 0) { ++m->stats.finished; }
    co_return ok();
}

task<status> accept_clients(instance* m) {
    while (true) {
        result<stream_ptr> s = co_await m->listener->accept();
        if (m->scope.stop_requested()) {
            if (s) { co_await (*s)->close(); }
            co_return ok();
        }
        if (s) {
            m->scope.spawn(serve_client(m, *std::move(s)));
        } else {
            BFS_LOG_WARN("mini", "a connection could not be accepted: %s", text_of(s.error()).c_str());
        }
    }
}

// ---- client ----

struct call_arguments {
    request asked;
    const_byte_span out;
    byte_span in;
};

struct reply {
    errc outcome = errc::ok;
    std::uint64_t value = 0; // bytes read, or the size
};

/// An error is the connection's; what the server refused is in the reply.
task<result<reply>> call(instance* m, stream* s, const call_arguments* a) {
    const std::vector<std::byte> head = encode(a->asked);
    BFS_CO_CHECK(co_await send(m, s, head));
    BFS_CO_CHECK(co_await send(m, s, a->out));
    std::int32_t code = 0;
    BFS_CO_CHECK(co_await receive(m, s, writable_bytes(code)));
    if (code > 0 || code < -4095) { co_return errc::bad_frame; }
    reply r;
    if (code != 0) { r.outcome = from_errno(-code); }
    if (is_read(a->asked.id)) {
        std::uint32_t length = 0;
        BFS_CO_CHECK(co_await receive(m, s, writable_bytes(length)));
        if (length > a->in.size()) { co_return errc::bad_frame; }
        BFS_CO_CHECK(co_await receive(m, s, a->in.first(length)));
        r.value = length;
    } else if (a->asked.id == rpc::size) {
        BFS_CO_CHECK(co_await receive(m, s, writable_bytes(r.value)));
    }
    co_return r;
}

/// Bytes read or the size, 0 for the rest, or -errno.
std::int64_t run_call(int rank, call_arguments a) {
    if (active == nullptr) { return failed(errc::invalid_argument, "benchfs_mini_init was not called"); }
    const std::size_t bytes = a.out.size() + a.in.size();
    const std::string what = std::string(name_of(a.asked.id)) + " " + a.asked.path + ", " +
                             std::to_string(bytes) + " bytes, server " + std::to_string(rank) + ": ";
    if (bytes > BENCHFS_MINI_DATA_MAX) {
        return failed(errc::message_too_long,
                      what + "too many at once, at most " + std::to_string(BENCHFS_MINI_DATA_MAX));
    }
    a.asked.data_length = static_cast<std::uint32_t>(bytes);
    if (a.asked.path.empty() || a.asked.path.size() > BENCHFS_MINI_PATH_MAX) {
        return failed(errc::name_too_long,
                      what + "a path has 1 to " + std::to_string(BENCHFS_MINI_PATH_MAX) + " bytes");
    }
    const auto at = active->servers.find(rank);
    if (at == active->servers.end()) {
        return failed(errc::peer_down, what + "not connected (benchfs_mini_connect)");
    }
    BFS_LOG_DEBUG("mini", "%sbegins", what.c_str());
    stream* const s = at->second.get();
    const result<reply> r =
        active->loop.run(runtime::with_timeout(active->allowance(bytes), call(active.get(), s, &a)));
    if (!r) {
        active->loop.run(s->close());
        active->servers.erase(at);
        return failed(r.error(), what + text_of(r.error()) + "; the connection is closed, connect again");
    }
    if (r->outcome != errc::ok) { return failed(r->outcome, what + text_of(r->outcome)); }
    BFS_LOG_DEBUG("mini", "%sdone, %llu", what.c_str(), static_cast<unsigned long long>(r->value));
    return static_cast<std::int64_t>(r->value);
}

// ---- connecting ----

/// One look at the registry and one try; what is wrong in `why`. Names are looked up here, not on the loop.
result<stream_ptr> try_to_connect(instance& m, int rank, duration limit, std::string& why) {
    const std::string path = entry_path(m.config.registry, rank);
    const auto entry = read_entry(path);
    if (!entry) {
        why = "there is no " + path + ": does the server run, with the same registry?";
        return errc::not_found;
    }
    const auto where = parse_entry(*entry);
    if (!where) {
        why = path + " holds \"" + *entry + "\" instead of hostname:port";
        return errc::bad_config;
    }
    errc last = errc::no_server;
    for (const std::string& address : transport::ucx::resolve(where->host, why)) {
        auto made = m.loop.run(runtime::with_timeout(limit, stream::connect(*m.worker, address, where->port)));
        if (made) { return made; }
        last = made.error();
        why = *entry + " (" + address + "), as " + path + " says: " + text_of(last) +
              (last == errc::timed_out
                   ? "; nothing answers: is a firewall between, has the server stopped, do both "
                     "sides have a transport in common (UCX_TLS, UCX_NET_DEVICES)?"
                   : "; is the server still running there?");
    }
    if (last == errc::no_server) {
        why += "; start the server with --advertise and an address that works from here";
    }
    return last;
}

int connect(int rank) {
    if (active == nullptr) { return failed(errc::invalid_argument, "benchfs_mini_init was not called"); }
    instance& m = *active;
    if (m.servers.contains(rank)) { return 0; }
    const time_point end = m.loop.read_clock() + m.config.connect_wait;
    while (true) {
        std::string why;
        const duration left = std::max<duration>(end - m.loop.read_clock(), 1ms);
        auto made = try_to_connect(m, rank, std::min(connect_try, left), why);
        if (made) {
            (void)print_endpoint(m, "connected to", "server " + std::to_string(rank), **made);
            m.servers[rank] = *std::move(made);
            return 0;
        }
        if (m.loop.read_clock() >= end) { return failed(made.error(), "no connection: " + why); }
        (void)m.loop.run(pause(connect_pause));
    }
}

// ---- beginning and end ----

int rank_of_environment() {
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') { return std::atoi(value); }
    }
    return 0;
}

int listen(instance& m) {
    auto listening = transport::ucx::listener::create(*m.worker);
    if (!listening) { return failed(listening.error(), "cannot listen: " + text_of(listening.error())); }
    m.listener = *std::move(listening);
    std::string why;
    if (transport::ucx::resolve(m.config.advertise, why).empty()) { BFS_LOG_WARN("mini", "%s", why.c_str()); }
    m.entry = m.config.advertise + ":" + std::to_string(m.listener->port());
    const std::string path = entry_path(m.config.registry, m.config.rank);
    if (const status written = write_entry(path, m.entry); !written) {
        m.entry.clear();
        return failed(written.error(), "cannot write " + path + ": " + text_of(written.error()));
    }
    BFS_LOG_INFO("mini", "server %d is %s in %s", m.config.rank, m.entry.c_str(), path.c_str());
    return 0;
}

int begin(const benchfs_mini_options_t& o) {
    if (active != nullptr) { return failed(errc::busy, "benchfs_mini_init was called already"); }
    if (o.registry_dir == nullptr || *o.registry_dir == '\0' || o.timeout_ms == 0) {
        return failed(errc::invalid_argument, "a registry directory and a time limit are needed");
    }
    if (const char* level = std::getenv("BENCHFS_LOG"); level != nullptr && *level != '\0') {
        const auto parsed = parse_log_level(level);
        if (!parsed) {
            return failed(errc::invalid_argument, std::string("BENCHFS_LOG=") + level +
                                                      " is none of trace, debug, info, warn, error, off");
        }
        set_log_level(*parsed);
    }
    if (::mkdir(o.registry_dir, 0777) != 0 && errno != EEXIST) {
        return failed(from_errno(errno), std::string("cannot make the directory ") + o.registry_dir);
    }
    settings s;
    s.registry = o.registry_dir;
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    s.advertise = o.advertise != nullptr && *o.advertise != '\0' ? o.advertise : host.data();
    s.rank = o.rank >= 0 ? o.rank : rank_of_environment();
    s.quiet = o.quiet != 0;
    s.timeout = std::chrono::milliseconds(o.timeout_ms);
    s.connect_wait = std::chrono::milliseconds(o.connect_ms);
    s.memory_limit = o.memory_limit;
    auto made = std::make_unique<instance>(std::move(s));
    auto network = transport::ucx::context::create(transport::ucx::context_options{.shared_memory = true});
    if (!network) { return failed(network.error(), "UCX cannot be used: " + text_of(network.error())); }
    auto worker = transport::ucx::worker::create(made->loop, *std::move(network));
    if (!worker) { return failed(worker.error(), "UCX cannot be used: " + text_of(worker.error())); }
    made->worker = *std::move(worker);
    if (o.is_server != 0) {
        if (const int code = listen(*made); code != 0) { return code; }
    }
    active = std::move(made);
    return 0;
}

void end(instance& m) {
    const std::string path = entry_path(m.config.registry, m.config.rank);
    if (!m.entry.empty() && read_entry(path) == m.entry) { ::unlink(path.c_str()); }
    for (auto& [rank, s] : m.servers) { m.loop.run(s->close()); }
    m.scope.request_stop();
    (void)m.loop.run(m.scope.join());
    m.listener.reset();
    m.servers.clear();
    m.worker.reset();
}

/// Nothing of C++ leaves through the C interface.
template <class F>
auto guarded(F f) -> decltype(f()) {
    try {
        return f();
    } catch (const std::bad_alloc&) { return failed(errc::no_memory, "there is no memory left"); }
}

std::int64_t run_data(rpc id, const char* path, const_byte_span out, byte_span in, std::uint64_t offset,
                      int rank) {
    return guarded([&]() -> std::int64_t {
        call_arguments a;
        a.asked.id = id;
        a.asked.offset = offset;
        a.asked.path = path == nullptr ? "" : path;
        a.out = out;
        a.in = in;
        return run_call(rank, std::move(a));
    });
}

} // namespace
} // namespace benchfs::mini

using namespace benchfs;
using namespace benchfs::mini;

void benchfs_mini_options_init(benchfs_mini_options_t* options) {
    *options = {nullptr, 0, -1, nullptr, 10'000, 10'000, std::uint64_t{4} << 30, 0};
}

int benchfs_mini_init(const char* registry_dir, int is_server) {
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    o.registry_dir = registry_dir;
    o.is_server = is_server;
    return benchfs_mini_init_with(&o);
}

int benchfs_mini_init_with(const benchfs_mini_options_t* options) {
    return guarded([&] { return begin(*options); });
}

int benchfs_mini_start_server(void) {
    if (active == nullptr || active->listener == nullptr || active->scope.live() != 0) {
        return failed(errc::invalid_argument, "only a server that does not serve yet can be started");
    }
    active->scope.spawn(accept_clients(active.get()));
    return 0;
}

int benchfs_mini_connect(int server_rank) {
    return guarded([&] { return benchfs::mini::connect(server_rank); });
}

int benchfs_mini_write(const char* path, const void* data, size_t length, int server_rank) {
    return static_cast<int>(
        run_data(rpc::write, path, {static_cast<const std::byte*>(data), length}, {}, 0, server_rank));
}

int64_t benchfs_mini_read(const char* path, void* buffer, size_t length, int server_rank) {
    return run_data(rpc::read, path, {}, {static_cast<std::byte*>(buffer), length}, 0, server_rank);
}

int benchfs_mini_write_at(const char* path, const void* data, size_t length, uint64_t offset, int server_rank) {
    return static_cast<int>(
        run_data(rpc::write_at, path, {static_cast<const std::byte*>(data), length}, {}, offset, server_rank));
}

int64_t benchfs_mini_read_at(const char* path, void* buffer, size_t length, uint64_t offset, int server_rank) {
    return run_data(rpc::read_at, path, {}, {static_cast<std::byte*>(buffer), length}, offset, server_rank);
}

int64_t benchfs_mini_size(const char* path, int server_rank) {
    return run_data(rpc::size, path, {}, {}, 0, server_rank);
}

int benchfs_mini_usage(int server_rank, benchfs_mini_usage_t* usage) {
    usage_answer now;
    const int64_t got = run_data(rpc::usage, "/", {}, writable_bytes(now), 0, server_rank);
    if (got < 0) { return static_cast<int>(got); }
    if (got != sizeof now) { return failed(errc::bad_frame, "usage: the server's answer is too short"); }
    *usage = {now.limit, now.used, now.files};
    return 0;
}

int benchfs_mini_remove(const char* path, int server_rank) {
    return static_cast<int>(run_data(rpc::remove, path, {}, {}, 0, server_rank));
}

int benchfs_mini_progress(void) {
    if (active == nullptr) { return 0; }
    active->poller.longest = duration::zero();
    const bool worked = active->loop.turn();
    active->poller.longest = longest_sleep;
    return worked ? 1 : 0;
}

int benchfs_mini_progress_for(unsigned milliseconds) {
    if (active == nullptr) { return failed(errc::invalid_argument, "benchfs_mini_init was not called"); }
    (void)active->loop.run(pause(std::chrono::milliseconds(milliseconds)));
    return 0;
}

int benchfs_mini_stats(benchfs_mini_stats_t* stats) {
    if (active == nullptr) { return failed(errc::invalid_argument, "benchfs_mini_init was not called"); }
    *stats = active->stats;
    stats->files = active->files.count();
    stats->memory = active->files.used();
    return 0;
}

int benchfs_mini_finalize(void) {
    if (active == nullptr) { return 0; }
    end(*active);
    active.reset();
    return 0;
}

const char* benchfs_mini_error(void) { return last_error.c_str(); }
