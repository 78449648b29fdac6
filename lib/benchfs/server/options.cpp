#include "benchfs/server/options.hpp"

#include "benchfs/base/json_options.hpp"
#include "benchfs/storage/engines.hpp"
#include "benchfs/transport/transports.hpp"

namespace benchfs {

namespace {

constexpr std::uint64_t chunk_step = 64 * KiB;
constexpr unsigned servers_max = 4096;

/// The engine's entry; nullptr with `why` set when there is none of that name.
const storage::engine_entry* find_engine(std::string_view name, std::string& why) {
    std::string names;
    for (const storage::engine_entry& e : storage::engines()) {
        if (e.name == name) { return &e; }
        names += names.empty() ? "" : ", ";
        names += e.name;
    }
    why = "engine: there is no storage engine \"" + std::string(name) + "\"; there are: " + names;
    return nullptr;
}

/// bad_config unless a transport between processes has that name.
status check_transport(std::string_view name, std::string& why) {
    std::string names;
    for (const transport::transport_entry& e : transport::transport_table()) {
        if (!e.between_processes) { continue; }
        if (e.name == name) { return {}; }
        names += names.empty() ? "" : ", ";
        names += e.name;
    }
    why = "transport: there is no transport \"" + std::string(name) + "\"; there are: " + names;
    return errc::bad_config;
}

} // namespace

std::string_view server_options::engine_name() const noexcept {
    if (!engine.empty()) { return engine; }
    return memory ? "memory" : "uring";
}

void bind_options(option_set& set, server_options& options) {
    set.add("registry_dir", "directory through which servers and clients find each other",
            options.registry_dir);
    set.add("data_dir", "directory for this server's data (not with --memory)", options.data_dir);
    set.add("memory", "keep all data in memory; the same as engine memory", options.memory);
    set.add("engine", "storage engine by name; empty: memory with --memory, else uring", options.engine);
    set.add("id", "this server's number, from 0", options.id, 0, servers_max - 1);
    set.add("servers", "how many servers the cluster has", options.servers, 1, servers_max);
    set.add_bytes("chunk_size", "bytes of a file that stay together on one server", options.chunk_size,
                  chunk_step, 64 * MiB);
    set.add("uring_queue_size", "entries of the io_uring submission queue", options.uring_queue_size, 8, 16384);
    set.add_bytes("uring_buffer_size", "bytes of one registered io_uring buffer", options.uring_buffer_size,
                  4 * KiB, 64 * MiB);
    set.add("uring_submit_depth", "submit to io_uring in mid-turn when that many entries wait",
            options.uring_submit_depth, 1, 16384);
    set.add("direct", "go around the page cache (O_DIRECT) in the uring engine", options.direct,
            {"auto", "on", "off"});
    set.add_bytes("log_size", "uring engine: bytes of its log; a checkpoint begins when half of them are used",
                  options.log_size, 1 * MiB, 64 * GiB);
    set.add_bytes("memory_limit", "memory engine: bytes for data; 0: three quarters of what is available",
                  options.memory_limit);
    set.add_bytes("memory_ahead", "memory engine: bytes of memory kept ready ahead of need",
                  options.memory_ahead);
    set.add("warm", "answer clients only once memory_ahead is ready", options.warm);
    set.add("transport", "how messages travel: auto, window (same node only) or ucx (network only)",
            options.transport);
    set.add("cpu", "pin the server to this core; -1: no pinning", options.cpu, -1, 1 << 20);
    set.add("numa", "take memory from this NUMA node; -1: from the core's own", options.numa, -1, 1 << 12);
    set.add("parent", "stop when this process, which started the server, ends; 0: never", options.parent, 0,
            1 << 30);
    set.add("metrics_file", "write statistics for Prometheus to this text file", options.metrics_file);
    set.add("metrics_interval", "how often the metrics file is written, such as 10s", options.metrics_interval,
            std::chrono::milliseconds(100));
    set.add("log_level", "what to log; empty: BENCHFS_LOG, else info", options.log_level,
            {"", "error", "warn", "info", "debug", "trace", "off"});
}

status validate(const server_options& options, std::string& why) {
    if (options.registry_dir.empty()) {
        why = "registry_dir: a server needs a directory to announce itself in";
        return errc::bad_config;
    }
    if (options.memory && !options.engine.empty() && options.engine != "memory") {
        why = "memory: this asks for engine memory, but engine is \"" + options.engine + "\"; drop one of them";
        return errc::bad_config;
    }
    const storage::engine_entry* engine = find_engine(options.engine_name(), why);
    if (engine == nullptr) { return errc::bad_config; }
    if (engine->needs_directory && options.data_dir.empty()) {
        why = "data_dir: engine " + std::string(engine->name) +
              " needs a directory for its data; name one, or use --memory to keep all data in memory";
        return errc::bad_config;
    }
    BFS_CHECK(check_transport(options.transport, why));
    if (options.id >= options.servers) {
        why = "id: " + std::to_string(options.id) + " is not below servers (" +
              std::to_string(options.servers) + ")";
        return errc::bad_config;
    }
    if (options.chunk_size % chunk_step != 0) {
        why = "chunk_size: " + std::to_string(options.chunk_size) + " is not a multiple of 64KiB";
        return errc::bad_config;
    }
    return {};
}

} // namespace benchfs
