// benchfs-bench: the 2-node micro-benchmark.
#include "../raw/raw_ucx.hpp"
#include "modes.hpp"

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
    using namespace benchfs::bench;
    if (argc > 1 && std::strcmp(argv[1], raw_worker_flag) == 0) { return raw_worker_main(argc, argv); }
    const bench_settings settings = read_bench_settings(argc, argv);
    std::fputs(settings.output.c_str(), stdout);
    std::fputs(settings.trouble.c_str(), stderr);
    if (!settings.run) { return settings.exit_code; }
    switch (settings.mode) {
    case bench_mode::server:
        return run_server(settings);
    case bench_mode::client:
        return run_client(settings);
    case bench_mode::local:
        return run_local(settings);
    }
    return 2;
}
