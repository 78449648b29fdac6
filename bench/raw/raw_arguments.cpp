// Here and not in main.cpp, since a source with CLI11 in it takes long to compile.
#include "raw_arguments.hpp"

#include <CLI/CLI.hpp>

namespace benchfs::bench {

std::optional<int> read_raw_arguments(raw_arguments& a, int argc, const char* const* argv) {
    CLI::App app{"Raw UCX limits over shared memory, two processes on two cores", "benchfs-raw"};
    app.add_option("--distinct", a.mebibytes, "MiB of distinct memory for the bandwidths")
        ->check(CLI::Range(4, 65536));
    app.add_option("--iterations", a.iterations, "round trips")->check(CLI::PositiveNumber);
    app.add_option("--near", a.cores.near, "core of the measuring process");
    app.add_option("--far", a.cores.far, "core of the other process");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { return app.exit(end); }
    return {};
}

} // namespace benchfs::bench
