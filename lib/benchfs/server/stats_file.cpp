// Statistics as a text file that Prometheus's node exporter picks up.
#include "benchfs/server/stats.hpp"

#include "benchfs/uring/ops.hpp"
#include "benchfs/uring/transfer.hpp"

#include <fcntl.h>

namespace benchfs::server {
namespace {

/// One family of numbers: its two comment lines.
void begin(std::string& text, std::string_view name, std::string_view kind, std::string_view help) {
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    text.append(name).append(" ").append(kind).append("\n");
}

void number(std::string& text, std::string_view name, std::string_view labels, std::uint64_t value) {
    text.append(name).append("{").append(labels).append("} ").append(std::to_string(value)).append("\n");
}

/// Nanoseconds as seconds, with all their digits.
void seconds(std::string& text, std::string_view name, std::string_view labels, std::uint64_t ns) {
    std::string digits = std::to_string(ns % 1'000'000'000);
    digits.insert(0, 9 - digits.size(), '0');
    text.append(name).append("{").append(labels).append("} ").append(std::to_string(ns / 1'000'000'000));
    text.append(".").append(digits).append("\n");
}

struct counted_method {
    std::string labels; // without the braces
    rpc::method_counters::reply counts;
};

void latencies(std::string& text, const std::vector<counted_method>& methods) {
    constexpr std::string_view name = "benchfs_latency_seconds";
    begin(text, name, "summary", "Time of measured calls at the server, whole and by part.");
    for (const counted_method& m : methods) {
        const std::pair<std::string_view, const rpc::wire_latency&> parts[] = {{"whole", m.counts.whole},
                                                                               {"network", m.counts.network},
                                                                               {"queue", m.counts.queue},
                                                                               {"storage", m.counts.storage}};
        for (const auto& [part, l] : parts) {
            const std::string labels = m.labels + ",part=\"" + std::string(part) + "\"";
            seconds(text, name, labels + ",quantile=\"0.5\"", l.p50);
            seconds(text, name, labels + ",quantile=\"0.9\"", l.p90);
            seconds(text, name, labels + ",quantile=\"0.99\"", l.p99);
            seconds(text, std::string(name) + "_sum", labels, l.sum);
            number(text, std::string(name) + "_count", labels, m.counts.measured);
        }
    }
}

} // namespace

std::string prometheus_text(const stats_sources& sources) {
    const rpc::server_status::reply status = describe(sources);
    const std::string server = "server=\"" + std::to_string(status.id) + "\"";
    std::string text;
    const auto gauge = [&](std::string_view name, std::uint64_t value, std::string_view help) {
        begin(text, name, "gauge", help);
        number(text, name, server, value);
    };
    begin(text, "benchfs_uptime_seconds", "gauge", "Time since the server started.");
    seconds(text, "benchfs_uptime_seconds", server, status.uptime_ns);
    begin(text, "benchfs_cpu_seconds_total", "counter", "User and system time of the process.");
    seconds(text, "benchfs_cpu_seconds_total", server, status.cpu_ns);
    gauge("benchfs_memory_peak_bytes", status.memory_peak, "Most memory that the process ever had.");
    gauge("benchfs_connections", status.connections, "Clients and servers that are connected.");
    gauge("benchfs_files", status.files, "Files with their inode here.");
    gauge("benchfs_directories", status.directories, "Directories that this server knows.");
    gauge("benchfs_store_bytes", status.bytes_total, "Bytes that the chunk store may use.");
    gauge("benchfs_store_used_bytes", status.bytes_used, "Bytes that the chunk store uses.");

    std::vector<counted_method> methods;
    for (const rpc::method_info& m : rpc::all_methods::infos) {
        counted_method one{server + ",method=\"" + std::string(m.name) + "\"", counters_of(sources, m.id)};
        if (one.counts.calls != 0) { methods.push_back(std::move(one)); }
    }
    const auto counter = [&](std::string_view name, std::uint64_t rpc::method_counters::reply::* member,
                             std::string_view help) {
        begin(text, name, "counter", help);
        for (const counted_method& m : methods) { number(text, name, m.labels, m.counts.*member); }
    };
    counter("benchfs_calls_total", &rpc::method_counters::reply::calls, "Requests.");
    counter("benchfs_errors_total", &rpc::method_counters::reply::errors, "Requests answered with an error.");
    counter("benchfs_payload_bytes_total", &rpc::method_counters::reply::bytes, "Bytes of data, either way.");
    latencies(text, methods);
    return text;
}

runtime::task<status> write_stats_file(uring::ring& ring, std::string path, std::string text) {
    const std::string beside = path + ".new";
    BFS_CO_TRY(const int fd, co_await uring::open(ring, AT_FDCWD, beside, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    const const_byte_span bytes = std::as_bytes(std::span(text.data(), text.size()));
    runtime::task<status> writing = uring::write_all(ring, fd, bytes, 0);
    const status written = co_await std::move(writing);
    const status closed = co_await uring::close(ring, fd);
    if (!written) { co_return written; }
    if (!closed) { co_return closed; }
    co_return co_await uring::rename(ring, AT_FDCWD, beside, AT_FDCWD, path);
}

} // namespace benchfs::server
