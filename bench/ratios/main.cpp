// benchfs-ratios: the speed goals of the project, each as a ratio to a raw limit measured in the same round.
//
// Server and client are pinned to a core each. Every figure is the median of the rounds. Exit code 1 if a goal
// is missed.
#include "crowd_rows.hpp"
#include "disk_rows.hpp"
#include "message_rows.hpp"
#include "test_server.hpp"

#include "../raw/raw_ucx.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>

namespace {

using namespace benchfs::bench;

int measure(const plan& p) {
    std::printf("Server on core %d, client on core %d, %d rounds\n", p.cores.far, p.cores.near, p.rounds);
    std::fflush(stdout);
    rounds table(p);
    if (!measure_messages(table)) { return 1; }
    measure_disk(table);
    measure_crowds(table);
    std::printf("\n%s", format_table(table.rows()).c_str());
    if (!p.json_file.empty()) {
        std::ofstream file(p.json_file, std::ios::trunc);
        file << table_json(table.rows());
        file.flush();
        if (!file) {
            std::fprintf(stderr, "benchfs-ratios: cannot write %s\n", p.json_file.c_str());
            return 1;
        }
    }
    std::size_t missed = 0;
    std::size_t skipped = 0;
    for (const ratio_row& r : table.rows()) {
        skipped += r.skipped ? 1U : 0U;
        missed += r.skipped || r.pass() ? 0U : 1U;
    }
    std::printf("%zu goals met, %zu missed", table.rows().size() - missed - skipped, missed);
    std::printf(skipped == 0 ? "\n" : ", %zu skipped\n", skipped);
    return missed == 0 && !table.rows().empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], raw_worker_flag) == 0) { return raw_worker_main(argc, argv); }
    if (argc > 1 && std::strcmp(argv[1], client_worker_flag) == 0) { return client_worker_main(argc, argv); }
    plan p;
    if (const std::optional<int> end = read_plan(p, argc, argv)) { return *end; }
    if (p.program.empty()) {
        std::fprintf(stderr,
                     "benchfs-ratios: there is no benchfsd beside this program; name it with --benchfsd\n");
        return 2;
    }
    return measure(p);
}
