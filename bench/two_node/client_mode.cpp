#include "modes.hpp"
#include "report.hpp"
#include "workload.hpp"

#include "../raw/raw_storage.hpp"

#include "benchfs/api/benchfs.hpp"
#include "benchfs/runtime/pinning.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <unistd.h>

namespace benchfs::bench {

namespace {

constexpr std::uint64_t raw_iterations = 100'000;
constexpr std::size_t raw_distinct = std::size_t{256} << 20;
constexpr std::size_t raw_piece = std::size_t{1} << 20;
constexpr std::size_t raw_files = 200;
constexpr std::size_t raw_answer = 64; // bytes of a request or reply without data

/// A line for each phase; on a terminal, also a counter behind it.
class console final : public workload_listener {
public:
    void on_phase(operation op, std::size_t size) override {
        clear();
        std::printf("%s\n", announcement(op, size).c_str());
        std::fflush(stdout);
    }
    void on_progress(std::uint64_t done, std::uint64_t all) override {
        const auto now = std::chrono::steady_clock::now();
        if (!terminal_ || now - shown_ < std::chrono::milliseconds(100)) { return; }
        shown_ = now;
        dirty_ = true;
        std::fprintf(stderr, "\r  %llu of %llu", static_cast<unsigned long long>(done),
                     static_cast<unsigned long long>(all));
    }
    void clear() {
        if (dirty_) { std::fprintf(stderr, "\r\033[K"); }
        dirty_ = false;
    }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool dirty_ = false;
    std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

file_operation file_kind(operation op) {
    switch (op) {
    case operation::create:
        return file_operation::create;
    case operation::write:
        return file_operation::write;
    case operation::read:
        return file_operation::read;
    }
    return file_operation::create;
}

/// The raw limits for each measurement, and the bandwidth for all.
raw_bandwidth measure_raw(const bench_settings& settings, core_pair cores, std::vector<measurement>& all) {
    std::printf("Measuring the raw limits of this node...\n");
    std::fflush(stdout);
    for (measurement& m : all) {
        const std::size_t data = m.size == 0 ? raw_answer : m.size;
        const bool to_server = m.op != operation::read;
        m.raw = measure_am_round_trip(to_server ? data : raw_answer, to_server ? raw_answer : data,
                                      raw_iterations, cores);
        if (!settings.compare_dir.empty()) {
            m.local_file = measure_file_operation(file_kind(m.op), settings.compare_dir, m.size, raw_files);
        }
    }
    raw_bandwidth bandwidth;
    bandwidth.distinct_bytes = raw_distinct;
    bandwidth.piece = raw_piece;
    bandwidth.best = measure_best_bandwidth(raw_distinct, raw_piece, cores);
    return bandwidth;
}

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.flush();
    return static_cast<bool>(file);
}

/// Everything after the connection stands.
int measure_and_report(const bench_settings& settings, std::unique_ptr<mounted> mount, core_pair cores) {
    std::printf("=== BenchFS 2-Node Benchmark (Distributed Mode) ===\n\n%s\n",
                format_configuration(settings, mount->fs().path_to(server_id{0})).c_str());
    console screen;
    std::vector<measurement> results;
    std::string why;
    const status outcome = mount->run(run_workload(mount->fs(), settings, screen, results, why));
    screen.clear();
    if (!results.empty()) { std::printf("\n%s", format_results(results).c_str()); }
    if (!outcome) {
        std::fflush(stdout);
        std::fprintf(stderr, "Error: %s\n",
                     why.empty() ? std::string(message(outcome.error())).c_str() : why.c_str());
        return 1;
    }
    // The connection goes first: its loop does not run while others are measured.
    mount.reset();
    std::optional<raw_bandwidth> bandwidth;
    if (settings.raw_limits) {
        std::printf("\n");
        bandwidth = measure_raw(settings, cores, results);
        std::printf("\n%s", format_against_raw(results, *bandwidth).c_str());
    }
    if (!settings.json_file.empty() &&
        !write_file(settings.json_file, results_json(settings, results, bandwidth))) {
        std::fprintf(stderr, "Error: cannot write %s\n", settings.json_file.c_str());
        return 1;
    }
    return 0;
}

} // namespace

int run_client(const bench_settings& settings) {
    std::printf("Starting BenchFS client...\n\n  Registry directory: %s\n\n", settings.registry_dir.c_str());
    const core_pair cores = complete({settings.cpu, settings.server_cpu});
    std::string why;
    if (!runtime::pin_process(settings.cpu, -1, why)) {
        std::fprintf(stderr, "Error: %s\n", why.c_str());
        return 2;
    }
    std::printf("Setting up client node...\n");
    std::printf("Waiting for server to register (timeout: %u seconds)...\n", settings.wait_seconds);
    std::fflush(stdout);
    client_options options;
    options.registry_dir = settings.registry_dir;
    options.transport = settings.transport;
    options.connect_wait = std::chrono::seconds(settings.wait_seconds);
    auto connected = mount(options, why);
    if (!connected) {
        if (why.empty()) { why = message(connected.error()); }
        std::fprintf(stderr, "Failed to connect to server: %s\n", why.c_str());
        return 1;
    }
    std::printf("Successfully connected to server\n\n");
    return measure_and_report(settings, std::move(*connected), cores);
}

} // namespace benchfs::bench
