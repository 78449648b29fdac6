// sim-run: the deterministic simulation, any number of seeds (tools/simulate builds and runs it).
//
//     sim-run --seeds N [--seed FIRST] [--plant NAME] [--verbose] [--keep-going]
//
// Exit status 0: every answer of every seed was right; 1: a seed failed (the last line of its report is a
// command that runs it again); 2: wrong usage.
#include "run.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace {

using namespace benchfs::sim;

struct arguments {
    std::uint64_t seeds = 1;
    std::uint64_t first = 1;
    plant planted = plant::none;
    bool verbose = false;
    bool keep_going = false;
};

[[nodiscard]] std::optional<plant> plant_of(const char* name) {
    for (const plant p : {plant::none, plant::skip_sync, plant::lose_reply, plant::torn_log, plant::swap_chunks,
                          plant::repeat_retry}) {
        if (plant_name(p) == name) { return p; }
    }
    return {};
}

[[nodiscard]] std::optional<arguments> parse(int argc, char** argv) {
    arguments a;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        char* end = nullptr;
        if (option == "--verbose") {
            a.verbose = true;
        } else if (option == "--keep-going") {
            a.keep_going = true;
        } else if (value != nullptr && (option == "--seeds" || option == "--seed")) {
            (option == "--seeds" ? a.seeds : a.first) = std::strtoull(value, &end, 10);
            if (end == value || *end != '\0') { return {}; }
            ++i;
        } else if (value != nullptr && option == "--plant") {
            const std::optional<plant> chosen = plant_of(value);
            if (!chosen) { return {}; }
            a.planted = *chosen;
            ++i;
        } else {
            return {};
        }
    }
    return a;
}

} // namespace

int main(int argc, char** argv) {
    const std::optional<arguments> a = parse(argc, argv);
    if (!a) {
        std::fprintf(stderr,
                     "usage: %s [--seeds N] [--seed FIRST] [--plant none|fsync|reply|log|chunks|retry] "
                     "[--verbose] [--keep-going]\n",
                     argv[0]);
        return 2;
    }
    std::uint64_t operations = 0;
    std::uint64_t faults = 0;
    std::uint64_t crashes = 0;
    std::uint64_t unknown = 0;
    std::uint64_t gave_up = 0;
    std::uint64_t failed = 0;
    double seconds = 0;
    window_counts windows;
    for (std::uint64_t seed = a->first; seed < a->first + a->seeds; ++seed) {
        run_options options;
        options.seed = seed;
        options.planted = a->planted;
        options.verbose = a->verbose;
        const run_report r = run(options);
        operations += r.operations;
        faults += r.faults;
        crashes += r.crashes;
        unknown += r.unknown;
        gave_up += r.gave_up ? 1 : 0;
        seconds += r.simulated_seconds;
        windows += r.windows;
        if (a->seeds == 1) {
            std::printf("seed %llu: %s; trace %016llx\n", static_cast<unsigned long long>(seed), r.plan.c_str(),
                        static_cast<unsigned long long>(r.trace));
        }
        if (r.failure.empty()) { continue; }
        ++failed;
        std::printf("seed %llu FAILED (%s)\n  %s\n  replay: %s --seed %llu%s%s --verbose\n",
                    static_cast<unsigned long long>(seed), r.plan.c_str(), r.failure.c_str(), argv[0],
                    static_cast<unsigned long long>(seed), a->planted == plant::none ? "" : " --plant ",
                    a->planted == plant::none ? "" : plant_name(a->planted).data());
        std::fflush(stdout);
        if (!a->keep_going) { break; }
    }
    std::printf(
        "%llu seeds, %llu failed: %llu operations (%llu with unknown outcome), %llu faults, %llu crashes, "
        "%.0f simulated seconds; names unchecked at the end of %llu; %llu window pieces (%llu late, %llu "
        "transfers partly, %llu dropped, %llu makers stalled)\n",
        static_cast<unsigned long long>(a->seeds), static_cast<unsigned long long>(failed),
        static_cast<unsigned long long>(operations), static_cast<unsigned long long>(unknown),
        static_cast<unsigned long long>(faults), static_cast<unsigned long long>(crashes), seconds,
        static_cast<unsigned long long>(gave_up), static_cast<unsigned long long>(windows.pieces),
        static_cast<unsigned long long>(windows.late), static_cast<unsigned long long>(windows.partial),
        static_cast<unsigned long long>(windows.dropped), static_cast<unsigned long long>(windows.stalls));
    return failed == 0 ? 0 : 1;
}
