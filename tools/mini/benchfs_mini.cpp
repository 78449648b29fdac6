// BenchFS Mini (benchfs_mini.h): protocol (README.md has its table), registry, files in memory, server, client.
//
// Every coroutine of the server belongs to the instance's scope and every wait has a deadline, but for the wait
// for a client's next request: UCX reports the death of its process.
#include "benchfs_mini.h"

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/errc.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/poll_poller.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/transport/ucx/context.hpp"
#include "benchfs/transport/ucx/listener.hpp"
#include "benchfs/transport/ucx/resolve.hpp"
#include "benchfs/transport/ucx/stream.hpp"
#include "benchfs/transport/ucx/worker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace benchfs::mini {
namespace {

using namespace std::chrono_literals;
using runtime::task;
using runtime::with_timeout;
using transport::ucx::stream;
using stream_ptr = std::unique_ptr<stream>;
using bytes = std::vector<std::byte>;

constexpr std::uint64_t connections_max = 1024;
constexpr std::size_t piece_size = std::size_t{1} << 20; // received at once: what a peer only claims costs this
constexpr duration connect_try = 5s;
constexpr duration longest_sleep = 10s;

// ---- protocol ----
/// 1 and 2 are the original protocol; the rest is ours.
enum class rpc : std::uint16_t { write = 1, read, write_at, read_at, size, remove, usage };
constexpr std::array rpc_names = {"?", "write", "read", "write_at", "read_at", "size", "remove", "usage"};
const char* name_of(rpc id) { return rpc_names.at(static_cast<std::size_t>(id)); }
bool has_offset(rpc id) { return id == rpc::write_at || id == rpc::read_at; }
bool is_write(rpc id) { return id == rpc::write || id == rpc::write_at; }
bool is_read(rpc id) { return id == rpc::read || id == rpc::read_at || id == rpc::usage; }

struct request {
    rpc id = rpc::write;
    std::uint32_t data_length = 0; // that follow, or that the buffer takes
    std::uint64_t offset = 0;
    std::string path;
};

/// "" or what no client of ours sends.
std::string objection(const request& r, std::uint32_t path_length) {
    const std::uint32_t most = is_write(r.id) || is_read(r.id) ? std::uint32_t{BENCHFS_MINI_DATA_MAX} : 0;
    const bool path_is_good = path_length != 0 && path_length <= BENCHFS_MINI_PATH_MAX;
    if (path_is_good && r.data_length <= most) { return {}; }
    return std::string(name_of(r.id)) + (path_is_good ? " with data of " : " with a path of ") +
           std::to_string(path_is_good ? r.data_length : path_length) + " bytes";
}

template <class T>
byte_span writable_bytes(T& value) {
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}
void append(bytes& to, const_byte_span more) { to.insert(to.end(), more.begin(), more.end()); }

/// All but the data.
bytes encode(const request& r) {
    bytes head;
    append(head, bytes_of(static_cast<std::uint16_t>(r.id)));
    append(head, bytes_of(static_cast<std::uint32_t>(r.path.size())));
    append(head, bytes_of(r.data_length));
    if (has_offset(r.id)) { append(head, bytes_of(r.offset)); }
    append(head, std::as_bytes(std::span(r.path)));
    return head;
}

// ---- registry: server_{rank}.txt holds hostname:port ----
std::string entry_path(const std::string& registry, int rank) {
    return registry + "/server_" + std::to_string(rank) + ".txt";
}

std::optional<std::string> read_entry(const std::string& path) {
    std::string entry;
    std::ifstream file(path);
    if (!file) { return std::nullopt; }
    std::getline(file, entry);
    return entry.substr(0, entry.find_last_not_of("\r ") + 1);
}
/// Whole or not at all, for whoever reads it meanwhile.
bool write_entry(const std::string& path, const std::string& entry) {
    const std::string fresh = path + "." + std::to_string(::getpid()) + ".tmp";
    std::ofstream file(fresh);
    file << entry << '\n';
    file.close(); // NFS tells here that it could not be written
    if (file && std::rename(fresh.c_str(), path.c_str()) == 0) { return true; }
    const int why = errno;
    ::unlink(fresh.c_str());
    errno = why;
    return false;
}

std::optional<std::pair<std::string, std::uint16_t>> parse_entry(const std::string& entry) {
    const std::size_t colon = entry.rfind(':');
    if (colon == std::string::npos || colon == 0) { return std::nullopt; }
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(entry.data() + colon + 1, entry.data() + entry.size(), port);
    if (error != std::errc() || end != entry.data() + entry.size() || port == 0) { return std::nullopt; }
    return std::pair(entry.substr(0, colon), port);
}

// ---- files ----
/// False where there is no memory for it.
bool resize(bytes& b, std::uint64_t size) try {
    b.resize(size);
    return true;
} catch (const std::exception&) { return false; }

/// Whole files. Everything counts against one limit, also what has not become a file yet.
struct store {
    static constexpr std::uint64_t entry_cost = 4096; // of a file beside its bytes
    bool take(std::uint64_t n) noexcept {
        const bool fits = n <= limit - used;
        if (fits) { used += n; }
        return fits;
    }
    const bytes* find(const std::string& path) const {
        const auto at = files.find(path);
        return at == files.end() ? nullptr : &at->second;
    }
    /// All or nothing. `replace` leaves nothing of what was there; else the file keeps its bytes and grows,
    /// with zeros before the offset.
    errc write(const std::string& path, std::uint64_t offset, const_byte_span data, bool replace) {
        if (offset > limit) { return errc::file_too_large; }
        const bytes* const old = find(path);
        const std::uint64_t before = old == nullptr ? 0 : old->size() + entry_cost;
        const std::uint64_t kept = old == nullptr || replace ? 0 : old->size();
        const std::uint64_t size = std::max(kept, data.empty() ? 0 : offset + data.size());
        const std::uint64_t most = std::max(size + entry_cost, before);
        if (!take(most - before)) { return errc::no_space; }
        const bool done = resize(files[path], size);
        used -= most - (done ? size + entry_cost : before);
        if (!done && old == nullptr) { files.erase(path); }
        if (!done) { return errc::no_memory; }
        std::copy(data.begin(), data.end(), files[path].data() + (data.empty() ? 0 : offset));
        return errc::ok;
    }
    errc remove(const std::string& path) {
        const bytes* const old = find(path);
        if (old == nullptr) { return errc::not_found; }
        used -= old->size() + entry_cost;
        files.erase(path);
        return errc::ok;
    }
    std::uint64_t limit = 0;
    std::uint64_t used = 0;
    std::map<std::string, bytes> files;
};

/// Memory for the data of a request under way.
struct reserved {
    reserved(store& s, std::uint64_t n) noexcept : of(s), fits(s.take(n)), size(fits ? n : 0) {}
    reserved(reserved&&) = delete;
    ~reserved() { of.used -= size; }
    store& of;
    bool fits;
    std::uint64_t size;
};

// ---- the instance ----
struct instance {
    [[nodiscard]] duration allowance(std::size_t moved) const {
        return std::chrono::milliseconds(options.timeout_ms) + std::chrono::microseconds(moved);
    }

    benchfs_mini_options_t options{}; // but for the texts
    std::string advertise;
    std::string registry;
    std::string entry; // what this server wrote into the registry
    runtime::loop loop;
    runtime::poll_poller poller{loop};
    std::unique_ptr<transport::ucx::worker> worker;
    std::unique_ptr<transport::ucx::listener> listener;
    store files;
    runtime::task_scope scope{loop.root(), false}; // the server's coroutines
    benchfs_mini_stats_t stats{};
    std::map<int, stream_ptr> servers;
};

std::unique_ptr<instance> active;
std::string last_error;

std::string text_of(errc code) { return std::string(message(code)); }
int failed(errc code, const std::string& text) {
    last_error = text;
    BFS_LOG_DEBUG("mini", "%s", text.c_str());
    return -to_errno(code);
}
int failed_to(const std::string& what, errc code) { return failed(code, what + ": " + text_of(code)); }

/// Nothing of C++ leaves through the C interface.
int no_memory() { return failed(errc::no_memory, "there is no memory left"); }
int not_begun() { return failed(errc::invalid_argument, "benchfs_mini_init was not called"); }

/// What UCX says of it, also where it is not printed.
std::string print_endpoint(const instance& m, const char* what, const std::string& peer, const stream& s) {
    std::string info = s.endpoint_info();
    if (m.options.quiet == 0) {
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
task<status> receive(instance* m, stream* s, byte_span to) {
    const result<std::size_t> got = co_await with_timeout(m->allowance(to.size()), s->receive(to));
    if (!got) { co_return got.error(); }
    co_return ok();
}
task<status> send(instance* m, stream* s, const_byte_span data) {
    co_return co_await with_timeout(m->allowance(data.size()), s->send(data));
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
    BFS_CO_CHECK(co_await receive(m, v->s.get(), std::as_writable_bytes(std::span(r->path))));
    co_return ok();
}

/// All of the data, also where there is no room for it: the next request comes behind it.
task<status> receive_data(instance* m, visitor* v, std::size_t length, bool keep, bytes* to) {
    for (std::size_t left = length; left > 0;) {
        const std::size_t n = std::min(piece_size, left);
        const std::size_t at = keep ? to->size() : 0;
        if (!resize(*to, at + n)) { co_return errc::no_memory; }
        BFS_CO_CHECK(co_await receive(m, v->s.get(), byte_span(*to).subspan(at)));
        left -= n;
    }
    co_return ok();
}

/// `n`: bytes moved, or the size.
task<status> answer(instance* m, visitor* v, const request* r, errc done, const_byte_span data, std::size_t n) {
    BFS_LOG_DEBUG("mini", "%s: %s %s: %s, %ju bytes", v->name.c_str(), name_of(r->id), r->path.c_str(),
                  text_of(done).c_str(), std::uintmax_t{n});
    const std::int32_t code = done == errc::ok ? 0 : -to_errno(done);
    bytes head;
    append(head, bytes_of(code));
    if (is_read(r->id)) { append(head, bytes_of(static_cast<std::uint32_t>(data.size()))); }
    BFS_CO_CHECK(co_await send(m, v->s.get(), head));
    co_return co_await send(m, v->s.get(), data);
}

task<status> serve_request(instance* m, visitor* v, std::uint16_t id) {
    if (id == 0 || id >= rpc_names.size()) {
        v->complaint = "there is no request " + std::to_string(id);
        co_return errc::bad_frame;
    }
    request r;
    r.id = static_cast<rpc>(id);
    BFS_CO_CHECK(co_await receive_request(m, v, &r));
    store& files = m->files;
    bytes data;
    if (is_write(r.id)) {
        const reserved room(files, r.data_length);
        BFS_CO_CHECK(co_await receive_data(m, v, r.data_length, room.fits, &data));
        const errc done = room.fits ? files.write(r.path, r.offset, data, r.id == rpc::write) : errc::no_space;
        bytes().swap(data);
        co_return co_await answer(m, v, &r, done, {}, r.data_length);
    }
    if (r.id == rpc::usage) {
        const std::uint64_t now[] = {files.limit, files.used, files.files.size()};
        const std::size_t n = std::min<std::size_t>(r.data_length, sizeof now);
        co_return co_await answer(m, v, &r, errc::ok, std::as_bytes(std::span(now)).first(n), n);
    }
    const bytes* const file = files.find(r.path);
    const std::uint64_t size = file == nullptr ? 0 : file->size();
    errc done = file == nullptr ? errc::not_found : errc::ok;
    if (r.id == rpc::size) { co_return co_await answer(m, v, &r, done, bytes_of(size), size); }
    if (r.id == rpc::remove) { co_return co_await answer(m, v, &r, files.remove(r.path), {}, size); }
    // Copied before it is sent: meanwhile the file may change.
    const std::uint64_t at = std::min(r.offset, size);
    const reserved room(files, std::min<std::uint64_t>(r.data_length, size - at));
    if (!room.fits || !resize(data, room.size)) { done = errc::no_memory; }
    if (done == errc::ok) { std::copy_n(file->data() + at, room.size, data.data()); }
    co_return co_await answer(m, v, &r, done, data, data.size());
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
    status ended = errc::too_many_files;
    if (m->stats.connected <= connections_max) {
        v.endpoint = print_endpoint(*m, "accepted", v.name, *v.s);
        ended = co_await serve_requests(m, &v);
    }
    if (ended.error() == errc::too_many_files) { v.complaint = "there are too many connections"; }
    if (ended.error() == errc::timed_out) { v.complaint = "the rest of a request took too long"; }
    if (v.complaint.empty()) {
        BFS_LOG_DEBUG("mini", "%s has left: %s", v.name.c_str(), text_of(ended.error()).c_str());
    } else {
        ++m->stats.dropped;
        BFS_LOG_WARN("mini", "%s is dropped: %s", v.name.c_str(), v.complaint.c_str());
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
        if (!s) { BFS_LOG_WARN("mini", "a connection could not be accepted: %s", text_of(s.error()).c_str()); }
        if (s) { m->scope.spawn(serve_client(m, *std::move(s))); }
    }
}

// ---- client ----
/// Bytes read or the size, 0 for the rest, or what the server refused as -errno. An error is the connection's.
task<result<std::int64_t>> call(instance* m, stream* s, const request* r, const_byte_span out, byte_span in) {
    const bytes head = encode(*r);
    BFS_CO_CHECK(co_await send(m, s, head));
    BFS_CO_CHECK(co_await send(m, s, out));
    std::int32_t code = 0;
    std::int64_t size = 0;
    std::uint32_t length = 0;
    BFS_CO_CHECK(co_await receive(m, s, writable_bytes(code)));
    if (r->id == rpc::size) { BFS_CO_CHECK(co_await receive(m, s, writable_bytes(size))); }
    if (is_read(r->id)) { BFS_CO_CHECK(co_await receive(m, s, writable_bytes(length))); }
    if (code > 0 || code < -4095 || size < 0 || length > in.size()) { co_return errc::bad_frame; }
    BFS_CO_CHECK(co_await receive(m, s, in.first(length)));
    co_return code != 0 ? code : is_read(r->id) ? std::int64_t{length} : size;
}

/// As call, or -errno.
std::int64_t run_call(rpc id, int to, const char* path, const_byte_span out, byte_span in, uint64_t at) try {
    if (active == nullptr) { return not_begun(); }
    instance& m = *active;
    const std::size_t moved = out.size() + in.size();
    const request asked{id, static_cast<std::uint32_t>(moved), at, path == nullptr ? "" : path};
    const std::string what = std::string(name_of(id)) + " " + asked.path + ", " + std::to_string(moved) +
                             " bytes, server " + std::to_string(to);
    if (moved > BENCHFS_MINI_DATA_MAX) { return failed_to(what, errc::message_too_long); }
    if (asked.path.empty() || asked.path.size() > BENCHFS_MINI_PATH_MAX) {
        return failed_to(what, errc::name_too_long);
    }
    const auto found = m.servers.find(to);
    if (found == m.servers.end()) {
        return failed(errc::peer_down, what + ": not connected (benchfs_mini_connect)");
    }
    BFS_LOG_DEBUG("mini", "%s: begins", what.c_str());
    auto calling = call(&m, found->second.get(), &asked, out, in);
    const result<std::int64_t> got = m.loop.run(with_timeout(m.allowance(moved), std::move(calling)));
    if (!got) {
        m.loop.run(found->second->close());
        m.servers.erase(found);
        return failed_to(what + ": the connection is closed, connect again", got.error());
    }
    if (*got < 0) { return failed_to(what, from_errno(static_cast<int>(-*got))); }
    BFS_LOG_DEBUG("mini", "%s: done, %jd", what.c_str(), std::intmax_t{*got});
    return *got;
} catch (const std::bad_alloc&) { return no_memory(); }

/// One look at the registry and one try; what is wrong in `why`. Names are looked up here, not on the loop.
result<stream_ptr> try_to_connect(instance& m, int rank, duration limit, std::string& why) {
    const std::string path = entry_path(m.registry, rank);
    const auto entry = read_entry(path);
    why = "there is no " + path + ": does the server run, with the same registry?";
    if (!entry) { return errc::not_found; }
    const auto where = parse_entry(*entry);
    why = path + " holds \"" + *entry + "\" instead of hostname:port";
    if (!where) { return errc::bad_config; }
    errc last = errc::no_server;
    for (const std::string& address : transport::ucx::resolve(where->first, why)) {
        auto made = m.loop.run(with_timeout(limit, stream::connect(*m.worker, address, where->second)));
        if (made) { return made; }
        last = made.error();
        why = *entry + " (" + address + "), as " + path + " says: " + text_of(last) + "; ";
        why += last == errc::timed_out
                   ? "nothing answers: is a firewall between, has the server stopped, do both "
                     "sides have a transport in common (UCX_TLS, UCX_NET_DEVICES)?"
                   : "is the server still running there?";
    }
    if (last == errc::no_server) {
        why += "; start the server with --advertise and an address that works here";
    }
    return last;
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
    if (!listening) { return failed_to("cannot listen", listening.error()); }
    m.listener = *std::move(listening);
    std::string why;
    if (transport::ucx::resolve(m.advertise, why).empty()) { BFS_LOG_WARN("mini", "%s", why.c_str()); }
    const std::string entry = m.advertise + ":" + std::to_string(m.listener->port());
    const std::string path = entry_path(m.registry, m.options.rank);
    if (!write_entry(path, entry)) { return failed_to("cannot write " + path, from_errno(errno)); }
    m.entry = entry;
    BFS_LOG_INFO("mini", "server %d is %s in %s", m.options.rank, m.entry.c_str(), path.c_str());
    return 0;
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

int benchfs_mini_init_with(const benchfs_mini_options_t* o) try {
    if (active != nullptr) { return failed(errc::busy, "benchfs_mini_init was called already"); }
    if (o->registry_dir == nullptr || *o->registry_dir == '\0' || o->timeout_ms == 0) {
        return failed(errc::invalid_argument, "a registry directory and a time limit are needed");
    }
    const char* const level = std::getenv("BENCHFS_LOG");
    const auto parsed = parse_log_level(level == nullptr || *level == '\0' ? "warn" : level);
    if (!parsed) { return failed_to("BENCHFS_LOG: trace, debug, info, warn, error or off", parsed.error()); }
    if (level != nullptr && *level != '\0') { set_log_level(*parsed); }
    if (::mkdir(o->registry_dir, 0777) != 0 && errno != EEXIST) {
        return failed_to(std::string("cannot make ") + o->registry_dir, from_errno(errno));
    }
    auto made = std::make_unique<instance>();
    made->options = *o;
    made->registry = o->registry_dir;
    made->files.limit = o->memory_limit;
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    made->advertise = o->advertise != nullptr && *o->advertise != '\0' ? o->advertise : host.data();
    if (o->rank < 0) { made->options.rank = rank_of_environment(); }
    auto network = transport::ucx::context::create(transport::ucx::context_options{.shared_memory = true});
    if (!network) { return failed_to("UCX cannot be used", network.error()); }
    auto worker = transport::ucx::worker::create(made->loop, *std::move(network));
    if (!worker) { return failed_to("UCX cannot be used", worker.error()); }
    made->worker = *std::move(worker);
    if (const int code = o->is_server != 0 ? listen(*made) : 0; code != 0) { return code; }
    active = std::move(made);
    return 0;
} catch (const std::bad_alloc&) { return no_memory(); }
int benchfs_mini_start_server(void) {
    if (active == nullptr || active->listener == nullptr || active->scope.live() != 0) {
        return failed(errc::invalid_argument, "only a server that does not serve yet can be started");
    }
    active->scope.spawn(accept_clients(active.get()));
    return 0;
}

int benchfs_mini_connect(int server_rank) try {
    if (active == nullptr) { return not_begun(); }
    if (active->servers.contains(server_rank)) { return 0; }
    const time_point end = active->loop.read_clock() + std::chrono::milliseconds(active->options.connect_ms);
    while (true) {
        std::string why;
        const duration left = std::clamp<duration>(end - active->loop.read_clock(), 1ms, connect_try);
        auto made = try_to_connect(*active, server_rank, left, why);
        if (made) {
            (void)print_endpoint(*active, "connected to", "server " + std::to_string(server_rank), **made);
            active->servers[server_rank] = *std::move(made);
            return 0;
        }
        if (active->loop.read_clock() >= end) { return failed(made.error(), "no connection: " + why); }
        (void)active->loop.run(pause(50ms));
    }
} catch (const std::bad_alloc&) { return no_memory(); }

int benchfs_mini_write(const char* path, const void* data, size_t length, int server_rank) {
    const const_byte_span out(static_cast<const std::byte*>(data), length);
    return static_cast<int>(run_call(rpc::write, server_rank, path, out, {}, 0));
}
int64_t benchfs_mini_read(const char* path, void* buffer, size_t length, int server_rank) {
    return run_call(rpc::read, server_rank, path, {}, {static_cast<std::byte*>(buffer), length}, 0);
}
int benchfs_mini_write_at(const char* path, const void* data, size_t length, uint64_t offset, int server_rank) {
    const const_byte_span out(static_cast<const std::byte*>(data), length);
    return static_cast<int>(run_call(rpc::write_at, server_rank, path, out, {}, offset));
}
int64_t benchfs_mini_read_at(const char* path, void* buffer, size_t length, uint64_t offset, int server_rank) {
    return run_call(rpc::read_at, server_rank, path, {}, {static_cast<std::byte*>(buffer), length}, offset);
}
int64_t benchfs_mini_size(const char* path, int server_rank) {
    return run_call(rpc::size, server_rank, path, {}, {}, 0);
}
int benchfs_mini_remove(const char* path, int server_rank) {
    return static_cast<int>(run_call(rpc::remove, server_rank, path, {}, {}, 0));
}
int benchfs_mini_usage(int server_rank, benchfs_mini_usage_t* usage) {
    const int64_t got = run_call(rpc::usage, server_rank, "/", {}, writable_bytes(*usage), 0);
    if (got < 0) { return static_cast<int>(got); }
    return got == sizeof *usage ? 0 : failed(errc::bad_frame, "usage: the server's answer is too short");
}
int benchfs_mini_progress(void) {
    if (active == nullptr) { return 0; }
    active->poller.longest = duration::zero();
    const bool worked = active->loop.turn();
    active->poller.longest = longest_sleep;
    return worked ? 1 : 0;
}
int benchfs_mini_progress_for(unsigned milliseconds) {
    if (active == nullptr) { return not_begun(); }
    (void)active->loop.run(pause(std::chrono::milliseconds(milliseconds)));
    return 0;
}
int benchfs_mini_stats(benchfs_mini_stats_t* stats) {
    if (active == nullptr) { return not_begun(); }
    *stats = active->stats;
    stats->files = active->files.files.size();
    stats->memory = active->files.used;
    return 0;
}
int benchfs_mini_finalize(void) {
    if (active == nullptr) { return 0; }
    const std::string path = entry_path(active->registry, active->options.rank);
    if (!active->entry.empty() && read_entry(path) == active->entry) { ::unlink(path.c_str()); }
    for (auto& [rank, s] : active->servers) { active->loop.run(s->close()); }
    active->scope.request_stop();
    (void)active->loop.run(active->scope.join());
    active.reset();
    return 0;
}
const char* benchfs_mini_error(void) { return last_error.c_str(); }
