// servers and stats: who the servers are, and what they are doing.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/base/units.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <unistd.h>

namespace benchfs::cli {
namespace {

[[nodiscard]] std::string server_json(const server_figures& f) {
    json_object o;
    o.add("server", f.id)
        .add("host", f.host)
        .add("pid", f.pid)
        .add("version", f.version)
        .add("engine", f.engine);
    o.add("uptime_ns", f.uptime_ns).add("cpu_ns", f.cpu_ns).add("memory_peak", f.memory_peak);
    o.add("memory_rpc", f.memory_rpc).add("connections", f.connections).add("sessions", f.sessions);
    o.add("files", f.files).add("directories", f.directories).add("bytes_total", f.bytes_total);
    return o.add("bytes_used", f.bytes_used).text();
}

task<int> show_servers(session& s, file_system& fs, bool json) {
    json_array all;
    int code = exit_ok;
    if (!json) {
        std::printf("%6s %-16s %8s %9s %-15s %-7s %8s %8s %8s %10s %7s\n", "server", "host", "pid", "uptime",
                    "version", "engine", "memory", "used", "size", "files", "clients");
    }
    for (std::uint32_t i = 0; i < fs.servers(); ++i) {
        const auto f = co_await fs.describe(static_cast<server_id>(i));
        if (!f) {
            code = std::max(code, s.failed("servers", "server " + std::to_string(i), f.error()));
            continue;
        }
        if (json) {
            all.add_raw(server_json(*f));
            continue;
        }
        std::printf("%6u %-16s %8llu %9s %-15s %-7s %8s %8s %8s %10llu %7llu\n", f->id, f->host.c_str(),
                    static_cast<unsigned long long>(f->pid),
                    clock_text(static_cast<double>(f->uptime_ns) / 1e9).c_str(), f->version.c_str(),
                    f->engine.c_str(), short_size(f->memory_peak).c_str(), short_size(f->bytes_used).c_str(),
                    short_size(f->bytes_total).c_str(), static_cast<unsigned long long>(f->files),
                    static_cast<unsigned long long>(f->connections));
    }
    if (json) { std::puts(all.text().c_str()); }
    co_return code;
}

int servers(session& s, const command& self, const std::vector<std::string>& words) {
    bool json = s.json();
    arguments a(self);
    a.flag("--json", json, "as one JSON array");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return show_servers(s, fs, json); });
}

struct stats_options {
    bool watch = false;
    bool json = false;
    std::uint64_t times = 0; // how often to look with watch; 0: until Ctrl-C
    std::uint64_t server = all_servers;
    duration interval = std::chrono::seconds(1);
    static constexpr std::uint64_t all_servers = ~std::uint64_t{0};
};

using table = std::map<std::string_view, method_figures>;

void add(latency_figures& to, const latency_figures& one) {
    to.sum += one.sum;
    to.p50 = std::max(to.p50, one.p50);
    to.p90 = std::max(to.p90, one.p90);
    to.p99 = std::max(to.p99, one.p99);
    to.max = std::max(to.max, one.max);
}

/// Counts of several servers add up; of percentiles the slowest server's is shown.
task<status> collect(session& s, file_system& fs, std::uint64_t only, table& into) {
    for (std::uint32_t i = 0; i < fs.servers(); ++i) {
        if (only != stats_options::all_servers && only != i) { continue; }
        const auto figures = co_await fs.statistics(static_cast<server_id>(i));
        if (!figures) {
            s.failed("stats", "server " + std::to_string(i), figures.error());
            co_return figures.error();
        }
        for (const method_figures& f : *figures) {
            method_figures& sum = into[f.method];
            sum.method = f.method;
            sum.calls += f.calls;
            sum.errors += f.errors;
            sum.bytes += f.bytes;
            sum.measured += f.measured;
            add(sum.whole, f.whole);
            add(sum.network, f.network);
            add(sum.queue, f.queue);
            add(sum.storage, f.storage);
        }
    }
    co_return ok();
}

[[nodiscard]] std::string latency_json(const latency_figures& l) {
    json_object o;
    o.add("sum_ns", l.sum).add("p50_ns", l.p50).add("p90_ns", l.p90).add("p99_ns", l.p99).add("max_ns", l.max);
    return o.text();
}

[[nodiscard]] std::string to_json(const table& methods) {
    json_array all;
    for (const auto& [name, f] : methods) {
        json_object o;
        o.add("method", name).add("calls", f.calls).add("errors", f.errors).add("bytes", f.bytes);
        o.add("measured", f.measured).add_raw("whole", latency_json(f.whole));
        o.add_raw("network", latency_json(f.network)).add_raw("queue", latency_json(f.queue));
        all.add_raw(o.add_raw("storage", latency_json(f.storage)).text());
    }
    return all.text();
}

/// With `before`, rates over `seconds` instead of totals.
void print(const table& methods, const table* before, double seconds) {
    const bool rates = before != nullptr;
    std::printf("%-15s %10s %9s %10s | %9s %9s %9s | %9s %9s %9s\n", "method", rates ? "calls/s" : "calls",
                rates ? "errors/s" : "errors", rates ? "bytes/s" : "bytes", "p50", "p99", "max", "network",
                "queue", "storage");
    for (const auto& [name, f] : methods) {
        method_figures since = f;
        if (rates) {
            if (const auto old = before->find(name); old != before->end()) {
                since.calls -= std::min(since.calls, old->second.calls);
                since.errors -= std::min(since.errors, old->second.errors);
                since.bytes -= std::min(since.bytes, old->second.bytes);
            }
        }
        const auto shown = [&](std::uint64_t n) {
            return rates ? static_cast<std::uint64_t>(static_cast<double>(n) / seconds) : n;
        };
        const auto mean = [&f](const latency_figures& l) {
            return f.measured == 0 ? 0.0 : static_cast<double>(l.sum) / static_cast<double>(f.measured);
        };
        const std::string label(name);
        std::printf(
            "%-15s %10llu %9llu %10s | %9s %9s %9s | %9s %9s %9s\n", label.c_str(),
            static_cast<unsigned long long>(shown(since.calls)),
            static_cast<unsigned long long>(shown(since.errors)), short_size(shown(since.bytes)).c_str(),
            latency_text(static_cast<double>(f.whole.p50)).c_str(),
            latency_text(static_cast<double>(f.whole.p99)).c_str(),
            latency_text(static_cast<double>(f.whole.max)).c_str(), latency_text(mean(f.network)).c_str(),
            latency_text(mean(f.queue)).c_str(), latency_text(mean(f.storage)).c_str());
    }
}

task<int> show_stats(session& s, file_system& fs, const stats_options& o) {
    if (o.server != stats_options::all_servers && o.server >= fs.servers()) {
        s.refused("stats", "there is no server " + std::to_string(o.server) + "; the last one is " +
                               std::to_string(fs.servers() - 1));
        co_return exit_usage;
    }
    const steady_clock clock;
    table before;
    time_point looked{};
    for (std::uint64_t i = 0; o.times == 0 || i < o.times; ++i) {
        if (i != 0) {
            const status slept = co_await runtime::sleep_for(o.interval);
            if (!slept) { break; } // Ctrl-C, which is how one leaves
        }
        table now;
        const status collected = co_await collect(s, fs, o.server, now);
        if (!collected) { co_return exit_code_of(collected.error()); }
        const time_point at = clock.now();
        if (o.json) {
            std::puts(to_json(now).c_str());
        } else if (!o.watch) {
            print(now, nullptr, 0);
            std::puts("Times are of one call in 32, at the server; network, queue and storage are means.");
        } else {
            // From the top of the terminal, over what is there.
            if (::isatty(STDOUT_FILENO) != 0) { std::fputs("\033[H\033[2J", stdout); }
            print(now, i == 0 ? nullptr : &before, std::chrono::duration<double>(at - looked).count());
        }
        std::fflush(stdout);
        if (!o.watch) { break; }
        before = std::move(now);
        looked = at;
    }
    co_return exit_ok;
}

int stats(session& s, const command& self, const std::vector<std::string>& words) {
    stats_options o;
    o.json = s.json();
    std::string interval = "1s";
    arguments a(self);
    a.flag("-w,--watch", o.watch, "again and again, as rates, until Ctrl-C");
    a.option("-i,--interval", interval, "between two looks [1s]", "TIME");
    a.number("-n,--times", o.times, "with --watch: stop after that many looks");
    a.number("--server", o.server, "of this server only");
    a.flag("--json", o.json, "as JSON arrays, a line a look");
    if (const auto code = a.parse(words)) { return *code; }
    const auto time = parse_duration(interval);
    if (!time || *time < std::chrono::milliseconds(10)) {
        s.refused(self.name, "--interval takes a time such as 2s or 500ms, at least 10ms");
        return exit_usage;
    }
    o.interval = *time;
    return s.run([&](file_system& fs) { return show_stats(s, fs, o); });
}

} // namespace

std::span<const command> stats_commands() {
    static const command all[] = {
        {"servers", "the servers: host, process, uptime, memory, space, files", "servers", "cluster", servers,
         false},
        {"stats", "calls, bytes and latencies of each method, at the servers", "stats --watch", "cluster",
         stats, false},
    };
    return all;
}

} // namespace benchfs::cli
