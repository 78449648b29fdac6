// benchfs-mini: a server, a client that walks through every request, both at once, or the ranks of one mpirun.
#include "benchfs_mini.h"
#include "selftest.hpp"
#include "walk.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using std::chrono::steady_clock;

constexpr int bad_usage = 2;
constexpr unsigned look_ms = 100; // how soon a signal is seen

struct arguments {
    std::string registry;
    std::string advertise;
    int rank = -1;
    int servers = 1;
    int server_ranks = -1;
    unsigned clients = 0;
    unsigned seconds = 0;
    unsigned timeout_ms = 10'000;
    unsigned connect_ms = 10'000;
    std::uint64_t memory = std::uint64_t{4} << 30;
    bool quiet = false;
    benchfs::mini::walk_options walk;
};

volatile std::sig_atomic_t stop_asked = 0;
volatile std::sig_atomic_t stats_asked = 0;

void on_signal(int number) {
    if (number == SIGUSR1) {
        stats_asked = 1;
    } else {
        stop_asked = 1;
    }
}

bool init(const arguments& a, bool server, int rank) {
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    o.registry_dir = a.registry.c_str();
    o.is_server = server ? 1 : 0;
    o.rank = rank;
    o.advertise = a.advertise.c_str();
    o.timeout_ms = a.timeout_ms;
    o.connect_ms = a.connect_ms;
    o.memory_limit = a.memory;
    o.quiet = a.quiet ? 1 : 0;
    if (benchfs_mini_init_with(&o) == 0) { return true; }
    std::fprintf(stderr, "benchfs-mini: %s\n", benchfs_mini_error());
    return false;
}

benchfs_mini_stats_t print_stats(bool print) {
    benchfs_mini_stats_t s{};
    benchfs_mini_stats(&s);
    if (print) {
        std::printf(
            "stats accepted=%ju connected=%ju finished=%ju dropped=%ju requests=%ju files=%ju memory=%ju\n",
            std::uintmax_t{s.accepted}, std::uintmax_t{s.connected}, std::uintmax_t{s.finished},
            std::uintmax_t{s.dropped}, std::uintmax_t{s.requests}, std::uintmax_t{s.files},
            std::uintmax_t{s.memory});
    }
    return s;
}

/// Until a signal, or as many clients have come and gone as were asked for, or the time is over, which is an
/// error if clients were asked for.
int serve(const arguments& a, int rank) {
    std::signal(SIGTERM, on_signal);
    std::signal(SIGINT, on_signal);
    std::signal(SIGUSR1, on_signal);
    if (!init(a, true, rank)) { return 1; }
    if (benchfs_mini_start_server() != 0) {
        std::fprintf(stderr, "benchfs-mini: %s\n", benchfs_mini_error());
        return 1;
    }
    std::printf("server is ready, registry %s\n", a.registry.c_str());
    const auto end = steady_clock::now() + std::chrono::seconds(a.seconds);
    int code = 0;
    while (stop_asked == 0) {
        benchfs_mini_progress_for(look_ms);
        const bool print = stats_asked != 0;
        if (print) { stats_asked = 0; } // before printing: who asks meanwhile is answered in the next round
        const benchfs_mini_stats_t s = print_stats(print);
        if (a.clients != 0 && s.finished >= a.clients && s.connected == 0) { break; }
        if (a.seconds != 0 && steady_clock::now() >= end) {
            if (a.clients == 0) { break; }
            std::fprintf(stderr, "benchfs-mini: after %u s only %ju of %u clients have come and gone\n",
                         a.seconds, std::uintmax_t{s.finished}, a.clients);
            code = 1;
            break;
        }
    }
    print_stats(true);
    benchfs_mini_finalize();
    return code;
}

int walk_all(arguments a, int servers) {
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    a.walk.name = "mini-" + std::string(host.data()) + "-" + std::to_string(::getpid());
    if (!init(a, false, 0)) { return 1; }
    int code = 0;
    for (int rank = 0; rank < servers && code == 0; ++rank) {
        const auto failure = benchfs::mini::walk(rank, a.walk);
        if (failure) {
            std::printf("FAILED at %s of server %d: %s\nlikely cause: %s\n", failure.step.c_str(), rank,
                        failure.why.c_str(), benchfs::mini::likely_cause(failure.step).c_str());
            code = 1;
        }
    }
    benchfs_mini_finalize();
    if (code == 0) { std::printf("OK: %d server%s\n", servers, servers == 1 ? "" : "s"); }
    return code;
}

/// Of mpirun or srun; -1 if there is none.
int from_environment(std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') { return std::atoi(value); }
    }
    return -1;
}

/// The first ranks serve until the others have come and gone; those connect to every server. MPI itself is not
/// used.
int take_role(arguments a) {
    const int rank = from_environment({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"});
    const int size = from_environment({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"});
    if (rank < 0 || size < 2) {
        std::fprintf(stderr, "benchfs-mini: run it by mpirun on at least two ranks, or as benchfs-mini "
                             "server|client|selftest (--help)\n");
        return bad_usage;
    }
    const int servers = a.server_ranks < 0 ? size / 2 : a.server_ranks;
    if (servers < 1 || servers >= size) {
        std::fprintf(stderr, "benchfs-mini: --server-ranks %d of %d ranks leaves no server, or no client\n",
                     servers, size);
        return bad_usage;
    }
    if (rank >= servers) { return walk_all(std::move(a), servers); }
    a.clients = static_cast<unsigned>(size - servers);
    if (a.seconds == 0) { a.seconds = 600; }
    return serve(a, rank);
}

void add_common(CLI::App& app, arguments& a) {
    app.add_option("--registry", a.registry, "directory that servers and clients share")->required();
    app.add_option("--timeout-ms", a.timeout_ms, "of an operation, plus 1 us for each byte [10000]")
        ->check(CLI::Range(1U, 3'600'000U));
    app.add_flag("--quiet", a.quiet, "do not print endpoint information");
}

void add_server(CLI::App& app, arguments& a) {
    app.add_option("--advertise", a.advertise, "the host that clients are to connect to [this host's name]");
    app.add_option("--memory", a.memory, "at most, for files and requests under way [4 GiB]")
        ->transform(CLI::AsSizeValue(false));
    app.add_option("--for", a.seconds, "seconds to serve, at most [no limit; 600 for ranks]");
}

void add_walk(CLI::App& app, arguments& a) {
    app.add_option("--size", a.walk.size, "bytes of a file [1 MiB]")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(2, int{BENCHFS_MINI_DATA_MAX}));
    app.add_option("--count", a.walk.count, "files [4]")->check(CLI::Range(1U, 100'000U));
}

void add_client(CLI::App& app, arguments& a) {
    add_walk(app, a);
    app.add_option("--connect-ms", a.connect_ms, "how long to wait for a server to be there [10000]");
}

} // namespace

int main(int argc, char** argv) {
    // Line by line, so that whoever waits at the other end of a pipe sees "ready" at once.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    arguments a;
    CLI::App app{"BenchFS Mini: does UCX work between these hosts, and if not, which step fails",
                 "benchfs-mini"};
    CLI::App* server = app.add_subcommand("server", "serve until a signal comes (SIGUSR1: print statistics)");
    CLI::App* client = app.add_subcommand("client", "go through every request at every server");
    CLI::App* self = app.add_subcommand("selftest", "start a server on this host and go through every request");
    CLI::App* ranks =
        app.add_subcommand("ranks", "under mpirun: the first half serves (also without this word)");
    app.require_subcommand(1);
    add_common(*server, a);
    add_server(*server, a);
    server->add_option("--rank", a.rank, "its number in the registry [what mpirun says, else 0]")
        ->check(CLI::Range(0, 1'000'000));
    server->add_option("--clients", a.clients, "end when so many clients have come and gone");
    add_common(*client, a);
    add_client(*client, a);
    client->add_option("--servers", a.servers, "servers 0 to N-1 of the registry [1]")
        ->check(CLI::Range(1, 100'000));
    add_walk(*self, a);
    self->add_option("--advertise", a.advertise,
                     "the host that the client is to connect to [this host's name]");
    self->add_flag("--quiet", a.quiet, "do not print endpoint information");
    add_common(*ranks, a);
    add_server(*ranks, a);
    add_client(*ranks, a);
    ranks->add_option("--server-ranks", a.server_ranks, "ranks that serve [half]")
        ->check(CLI::NonNegativeNumber);

    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words.front().starts_with("--") && words.front() != "--help") {
        words.insert(words.begin(), "ranks");
    }
    std::reverse(words.begin(), words.end()); // as CLI11 takes them
    try {
        app.parse(words);
    } catch (const CLI::ParseError& end) { return app.exit(end) == 0 ? 0 : bad_usage; }
    if (self->parsed()) {
        a.walk.name = "selftest";
        return benchfs::mini::selftest(a.walk, a.advertise, a.quiet);
    }
    if (client->parsed()) { return walk_all(a, a.servers); }
    if (ranks->parsed()) { return take_role(a); }
    return serve(a, a.rank);
}
