// The command line of benchfs-ratios; here and not in main.cpp, since a source with CLI11 in it takes long to
// compile.
#include "plan.hpp"

#include "test_server.hpp"

#include <CLI/CLI.hpp>

namespace benchfs::bench {

std::optional<int> read_plan(plan& p, int argc, const char* const* argv) {
    p.program = find_benchfsd();
    std::size_t distinct_mib = p.distinct / one_mib;
    CLI::App app{"The speed goals of benchfs as ratios to raw limits of the same run", "benchfs-ratios"};
    app.add_option("--benchfsd", p.program, "the server to start");
    app.add_option("--rounds", p.rounds, "rounds; each figure is their median [5]")->check(CLI::Range(1, 100));
    app.add_option("--operations", p.operations, "small operations in a round [200000]")
        ->check(CLI::Range(100, 100'000'000));
    app.add_option("--distinct", distinct_mib, "MiB of distinct memory in the bulk rows [256]")
        ->check(CLI::Range(4, 65536));
    app.add_option("--idle-seconds", p.idle_seconds, "how long to watch idle processes [10]")
        ->check(CLI::Range(1, 600));
    app.add_option("--scratch", p.scratch, "where the rows about the local disk put their data [below /tmp]")
        ->check(CLI::ExistingDirectory);
    app.add_option("--files", p.files, "files in the rows about memory [200000]")
        ->check(CLI::Range(100, 100'000'000));
    app.add_option("--clients", p.clients, "clients in the rows about a crowd [100]")
        ->check(CLI::Range(3, 1000));
    app.add_option("--only", p.only, "only the rows whose name has this in it");
    app.add_option("--json", p.json_file, "write the table to this file too");
    app.add_option("--near", p.cores.near, "core of the client");
    app.add_option("--far", p.cores.far, "core of the server");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { return app.exit(end); }
    p.distinct = distinct_mib / 4 * 4 * one_mib;
    p.cores = complete(p.cores);
    return {};
}

} // namespace benchfs::bench
