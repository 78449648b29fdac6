#include "benchfs/client/statistics.hpp"

#include "benchfs/client/file_system.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

template <std::size_t N>
[[nodiscard]] std::string text_of(const std::array<char, N>& from) {
    return {from.begin(), std::find(from.begin(), from.end(), '\0')};
}

[[nodiscard]] latency_figures figures_of(const rpc::wire_latency& w) noexcept {
    return {w.sum, w.p50, w.p90, w.p99, w.max};
}

} // namespace

task<result<server_figures>> file_system::describe(server_id server) {
    const rpc::server_status::request request;
    BFS_CO_TRY(const rpc::server_status::reply r, co_await client_.call<rpc::server_status>(server, request));
    server_figures f;
    f.id = r.id;
    f.servers = r.servers;
    f.host = text_of(r.host);
    f.engine = text_of(r.engine);
    f.version = text_of(r.version);
    f.pid = r.pid;
    f.uptime_ns = r.uptime_ns;
    f.cpu_ns = r.cpu_ns;
    f.memory_peak = r.memory_peak;
    f.memory_rpc = r.memory_rpc;
    f.connections = r.connections;
    f.sessions = r.sessions;
    f.files = r.files;
    f.directories = r.directories;
    f.bytes_total = r.bytes_total;
    f.bytes_used = r.bytes_used;
    co_return std::move(f);
}

task<result<std::vector<method_figures>>> file_system::statistics(server_id server) {
    std::vector<method_figures> all;
    for (const rpc::method_info& m : rpc::all_methods::infos) {
        const rpc::method_counters::request request{m.id, 0};
        const auto answer = co_await client_.call<rpc::method_counters>(server, request);
        if (!answer && answer.error() == errc::not_found) { continue; } // an older server has no such method
        if (!answer) { co_return answer.error(); }
        const rpc::method_counters::reply& r = *answer;
        if (r.calls == 0) { continue; }
        method_figures f;
        f.method = m.name;
        f.calls = r.calls;
        f.errors = r.errors;
        f.bytes = r.bytes;
        f.measured = r.measured;
        f.whole = figures_of(r.whole);
        f.network = figures_of(r.network);
        f.queue = figures_of(r.queue);
        f.storage = figures_of(r.storage);
        all.push_back(f);
    }
    co_return std::move(all);
}

} // namespace benchfs
