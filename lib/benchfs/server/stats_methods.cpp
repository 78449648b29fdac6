// The methods that tell clients how this server is doing.
#include "benchfs/server/stats.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace benchfs::server {
namespace {

template <std::size_t N>
void set_text(std::array<char, N>& to, std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), N - 1); // the last byte stays zero
    std::copy_n(text.data(), size, to.data());
}

[[nodiscard]] std::uint64_t in_ns(const timeval& t) noexcept {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(t.tv_usec) * 1000U;
}

[[nodiscard]] rpc::wire_latency latency_on_wire(const histogram& h) noexcept {
    return {h.sum(), h.percentile(50), h.percentile(90), h.percentile(99), h.max()};
}

[[nodiscard]] const stats_sources& sources_of(void* context) noexcept {
    return *static_cast<const stats_sources*>(context);
}

status tell_counters(void* context, rpc::server_call& call) {
    const auto asked = call.request<rpc::method_counters>();
    const bool known = asked.method < rpc::method_limit &&
                       rpc::find_method(static_cast<std::uint16_t>(asked.method)) != nullptr;
    if (!known) { return errc::not_found; }
    call.reply<rpc::method_counters>(
        counters_of(sources_of(context), static_cast<std::uint16_t>(asked.method)));
    return ok();
}

status tell_status(void* context, rpc::server_call& call) {
    call.reply<rpc::server_status>(describe(sources_of(context)));
    return ok();
}

} // namespace

rpc::method_counters::reply counters_of(const stats_sources& sources, std::uint16_t method) {
    const rpc::method_stats& counts = sources.requests.stats(method);
    rpc::method_counters::reply r;
    r.calls = counts.calls;
    r.errors = counts.errors;
    r.bytes = counts.bytes;
    if (counts.latency) {
        r.measured = counts.latency->whole.count();
        r.whole = latency_on_wire(counts.latency->whole);
        r.network = latency_on_wire(counts.latency->network);
        r.queue = latency_on_wire(counts.latency->queue);
        r.storage = latency_on_wire(counts.latency->storage);
    }
    return r;
}

rpc::server_status::reply describe(const stats_sources& sources) {
    rpc::server_status::reply r;
    r.id = static_cast<std::uint32_t>(index(sources.services.self));
    r.servers = sources.servers;
    r.pid = static_cast<std::uint64_t>(::getpid());
    r.uptime_ns = static_cast<std::uint64_t>((sources.loop.now() - sources.started).count());
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        r.cpu_ns = in_ns(used.ru_utime) + in_ns(used.ru_stime);
        r.memory_peak = static_cast<std::uint64_t>(used.ru_maxrss) * KiB;
    }
    r.memory_rpc = sources.requests.memory();
    r.connections = sources.requests.connections();
    r.sessions = sources.requests.sessions();
    const metadata::name_space_counts names = sources.services.names.counts();
    r.files = names.files;
    r.directories = names.directories;
    const storage::store_stats stored = sources.services.store.stats();
    r.bytes_total = stored.bytes_limit;
    r.bytes_used = stored.bytes_used;
    std::array<char, 64> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) { set_text(r.host, host.data()); }
    set_text(r.engine, sources.services.store.name());
    set_text(r.version, rpc::build_id());
    return r;
}

void register_stats_methods(rpc::server& to, stats_sources& sources) {
    to.handle(rpc::method_counters::info, &sources, tell_counters);
    to.handle(rpc::server_status::info, &sources, tell_status);
}

} // namespace benchfs::server
