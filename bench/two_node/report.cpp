#include "report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace benchfs::bench {

namespace {

constexpr double bytes_per_mib = 1 << 20;

const char* key(operation op) {
    switch (op) {
    case operation::create:
        return "create";
    case operation::write:
        return "write";
    case operation::read:
        return "read";
    }
    return "?";
}

/// The text padded with spaces to a width; negative: on the left.
std::string padded(std::string text, int width) {
    const auto wanted = static_cast<std::size_t>(width < 0 ? -width : width);
    const std::size_t missing = text.size() < wanted ? wanted - text.size() : 0;
    return width < 0 ? std::string(missing, ' ') + text : text + std::string(missing, ' ');
}

std::string size_list(const std::vector<std::size_t>& sizes) {
    std::string list;
    for (const std::size_t size : sizes) { list += (list.empty() ? "" : ", ") + std::to_string(size); }
    return "[" + list + "]";
}

double mib_per_second(const measurement& m) {
    return static_cast<double>(m.size) * m.times.per_second / bytes_per_mib;
}

std::string nanoseconds_text(double microseconds) {
    return human_duration(static_cast<std::uint64_t>(microseconds * 1e3));
}

/// A raw limit and how many times as long we took: two columns.
std::string limit_columns(const measurement& m, const std::optional<raw_result>& limit) {
    if (!limit || !limit->ok()) { return padded("-", -11) + padded("-", -9); }
    const double ratio = static_cast<double>(m.times.p50) / (limit->microseconds * 1e3);
    return padded(nanoseconds_text(limit->microseconds), -11) + padded(format_fixed(ratio, 2) + "x", -9);
}

bool any_local_file(const std::vector<measurement>& all) {
    return std::any_of(all.begin(), all.end(), [](const measurement& m) { return m.local_file.has_value(); });
}

std::string against_raw_line(const measurement& m, const raw_bandwidth& bandwidth, bool local_files) {
    std::string line = "  " + padded(title(m.op, m.size), 34) + padded(human_duration(m.times.p50), -11);
    line += limit_columns(m, m.raw);
    if (local_files) { line += limit_columns(m, m.local_file); }
    if (m.size == 0) { return line + "\n"; }
    line += padded(format_fixed(mib_per_second(m), 1), -11);
    if (bandwidth.best.result.ok()) {
        const double share = 100 * mib_per_second(m) / bandwidth.best.result.mib_per_second();
        line += padded(format_fixed(share, 1) + " %", -9);
    }
    return line + "\n";
}

/// Why a limit is missing, once.
std::string complaints(const std::vector<measurement>& all) {
    for (const measurement& m : all) {
        for (const auto& limit : {m.raw, m.local_file}) {
            if (limit && !limit->ok()) { return "  Could not be measured: " + limit->error + "\n"; }
        }
    }
    return {};
}

nlohmann::json to_json(const measurement& m) {
    nlohmann::json j;
    j["operation"] = key(m.op);
    j["bytes"] = m.size;
    j["iterations"] = m.times.count;
    j["total_ns"] = m.times.total;
    j["average_ns"] = m.times.average;
    j["min_ns"] = m.times.min;
    j["max_ns"] = m.times.max;
    j["p50_ns"] = m.times.p50;
    j["p95_ns"] = m.times.p95;
    j["p99_ns"] = m.times.p99;
    j["ops_per_second"] = m.times.per_second;
    if (m.raw && m.raw->ok()) { j["raw_round_trip_ns"] = m.raw->microseconds * 1e3; }
    if (m.local_file && m.local_file->ok()) { j["local_file_ns"] = m.local_file->microseconds * 1e3; }
    return j;
}

} // namespace

std::string title(operation op, std::size_t size) {
    switch (op) {
    case operation::create:
        return "Metadata Create (file creation)";
    case operation::write:
        return "Small Write (" + std::to_string(size) + " bytes)";
    case operation::read:
        return "Small Read (" + std::to_string(size) + " bytes)";
    }
    return "?";
}

std::string announcement(operation op, std::size_t size) {
    if (op == operation::create) { return "Running metadata create benchmark..."; }
    return std::string("Running small ") + key(op) + " benchmark (" + std::to_string(size) + " bytes)...";
}

std::string format_configuration(const bench_settings& settings, std::string_view path) {
    std::string text = "Configuration:\n";
    text += "  Iterations: " + std::to_string(settings.iterations) + "\n";
    text += "  Warmup:     " + std::to_string(settings.warmup) + "\n";
    text += "  File sizes: " + size_list(settings.sizes) + " bytes\n";
    if (settings.queue_depth != 1) { text += "  Queue depth: " + std::to_string(settings.queue_depth) + "\n"; }
    if (!path.empty()) { text += "  Messages:   by " + std::string(path) + "\n"; }
    return text;
}

std::string format_results(const std::vector<measurement>& all) {
    std::string text = "=== Benchmark Results ===\n";
    for (const measurement& m : all) {
        const summary& t = m.times;
        text += "\n  " + title(m.op, m.size) + "\n";
        text += "    Iterations: " + std::to_string(t.count) + "\n";
        text += "    Total:      " + human_duration(t.total) + "\n";
        text += "    Average:    " + human_duration(t.average) + "\n";
        text += "    Min:        " + human_duration(t.min) + "\n";
        text += "    Max:        " + human_duration(t.max) + "\n";
        text += "    p50:        " + human_duration(t.p50) + "\n";
        text += "    p95:        " + human_duration(t.p95) + "\n";
        text += "    p99:        " + human_duration(t.p99) + "\n";
        text += "    Throughput: " + format_fixed(t.per_second, 2) + " ops/sec\n";
    }
    return text;
}

std::string format_against_raw(const std::vector<measurement>& all, const raw_bandwidth& bandwidth) {
    const bool local_files = any_local_file(all);
    std::string text = "=== Against the raw limits of this node (measured in this run) ===\n\n";
    text += "  " + padded("", 34) + padded("p50", -11) + padded("raw UCX", -11) + padded("ratio", -9);
    if (local_files) { text += padded("file", -11) + padded("ratio", -9); }
    text += padded("MiB/s", -11) + padded("of raw", -9) + "\n";
    for (const measurement& m : all) { text += against_raw_line(m, bandwidth, local_files); }
    text += "\n  raw UCX: a round trip of active messages over shared memory that carry as many bytes (64 B "
            "the other "
            "way).\n";
    if (local_files) { text += "  file:    the same operation on a local file, by POSIX calls.\n"; }
    if (bandwidth.best.result.ok()) {
        text += "  of raw:  of the best raw bandwidth, " +
                format_fixed(bandwidth.best.result.mib_per_second(), 0) + " MiB/s by " +
                name(bandwidth.best.op) + " (pieces of " + human_bytes(bandwidth.piece) + " over " +
                human_bytes(bandwidth.distinct_bytes) + " of distinct memory).\n";
    } else {
        text += "  The raw bandwidth could not be measured: " + bandwidth.best.result.error + "\n";
    }
    return text + complaints(all);
}

std::string results_json(const bench_settings& settings, const std::vector<measurement>& all,
                         const std::optional<raw_bandwidth>& bandwidth) {
    nlohmann::json j;
    j["iterations"] = settings.iterations;
    j["warmup"] = settings.warmup;
    j["sizes"] = settings.sizes;
    j["queue_depth"] = settings.queue_depth;
    j["transport"] = settings.transport;
    j["results"] = nlohmann::json::array();
    for (const measurement& m : all) { j["results"].push_back(to_json(m)); }
    if (bandwidth && bandwidth->best.result.ok()) {
        j["raw_bandwidth"]["mib_per_second"] = bandwidth->best.result.mib_per_second();
        j["raw_bandwidth"]["operation"] = name(bandwidth->best.op);
        j["raw_bandwidth"]["distinct_bytes"] = bandwidth->distinct_bytes;
        j["raw_bandwidth"]["piece_bytes"] = bandwidth->piece;
    }
    return j.dump(2) + "\n";
}

} // namespace benchfs::bench
