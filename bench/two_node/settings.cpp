#include "settings.hpp"

#include "front_end.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <sstream>

namespace benchfs::bench {

namespace {

constexpr int bad_usage = 2;
constexpr std::size_t size_max = std::size_t{256} << 20;

void add_options(CLI::App& app, bench_settings& s) {
    const std::map<std::string, bench_mode> modes = {
        {"server", bench_mode::server}, {"client", bench_mode::client}, {"local", bench_mode::local}};
    app.add_option("--mode", s.mode, "server, client, or local (a client that starts its own server)")
        ->required()
        ->transform(CLI::CheckedTransformer(modes, CLI::ignore_case));
    app.add_option("--registry-dir", s.registry_dir, "directory that server and client share");
    app.add_option("--data-dir", s.data_dir, "server, local: where chunks are stored");
    app.add_flag("--memory", s.memory, "server, local: keep chunks in memory");
    app.add_option("--iterations", s.iterations, "measured operations of each kind [100]")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--warmup", s.warmup, "operations of each kind before them [10]")
        ->check(CLI::Range(0, 1'000'000));
    app.add_option("--sizes", s.sizes, "file sizes in bytes [1024,4096,16384]")
        ->delimiter(',')
        ->check(CLI::Range(std::size_t{1}, size_max));
    app.add_option("--queue-depth", s.queue_depth, "operations under way at once [1]")
        ->check(CLI::Range(1, 1024));
    app.add_option("--json", s.json_file, "write the results to this file too");
    app.add_option("--transport", s.transport, "auto, window or ucx [auto]");
    app.add_option("--wait", s.wait_seconds, "client: seconds to wait for the server [30]")
        ->check(CLI::Range(0, 86400));
    app.add_option("--cpu", s.cpu, "pin this process to a core")->check(CLI::NonNegativeNumber);
    app.add_option("--server-cpu", s.server_cpu, "local: pin the server to a core")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--compare-dir", s.compare_dir, "client: measure plain files in this directory too");
    app.add_flag("!--no-raw-limits", s.raw_limits, "leave out the comparison with raw UCX");
}

/// What no single option can tell; empty when all is well.
std::string conflict(const bench_settings& s) {
    if (s.mode != bench_mode::local && s.registry_dir.empty()) {
        return "--registry-dir is required: the directory through which server and client find each other";
    }
    if (s.mode == bench_mode::server && !s.memory && s.data_dir.empty()) {
        return "--data-dir is required in server mode, unless --memory keeps the data in memory";
    }
    if (s.memory && !s.data_dir.empty()) { return "--memory and --data-dir exclude each other"; }
    if (s.sizes.empty()) { return "--sizes needs at least one size"; }
    return {};
}

} // namespace

bench_settings read_bench_settings(int argc, const char* const* argv) {
    bench_settings s;
    CLI::App app{"The 2-node micro-benchmark: metadata create, small writes and small reads", "benchfs-bench"};
    app.set_version_flag("--version", std::string("benchfs-bench ") + front::version);
    add_options(app, s);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        std::ostringstream out;
        std::ostringstream trouble;
        s.exit_code = app.exit(end, out, trouble) == 0 ? 0 : bad_usage;
        s.output = out.str();
        s.trouble = trouble.str();
        return s;
    }
    std::string why = conflict(s);
    if (why.empty() && front::set_up_logging({}, "warn", why)) {
        s.run = true;
        return s;
    }
    s.trouble = "benchfs-bench: " + why + "\n";
    s.exit_code = bad_usage;
    return s;
}

} // namespace benchfs::bench
