// The numbers that the benchmarks print.
#include "catch.hpp"

#include "common/child.hpp"
#include "common/statistics.hpp"

#include <filesystem>
#include <fstream>
#include <signal.h>
#include <unistd.h>

using namespace benchfs::bench;
using namespace std::chrono_literals;

TEST_CASE("a summary is exact") {
    const summary s = summarise({400, 100, 300, 200});
    REQUIRE(s.count == 4);
    REQUIRE(s.total == 1000);
    REQUIRE(s.average == 250);
    REQUIRE(s.min == 100);
    REQUIRE(s.max == 400);
    REQUIRE(s.p50 == 200);
    REQUIRE(s.p95 == 400);
    REQUIRE(s.per_second == Approx(4e6));
}

TEST_CASE("throughput counts wall time when operations overlapped") {
    REQUIRE(summarise({400, 100, 300, 200}, 500).per_second == Approx(8e6));
}

TEST_CASE("nothing measured is all zeros") {
    const summary s = summarise({});
    REQUIRE(s.count == 0);
    REQUIRE(s.max == 0);
    REQUIRE(s.per_second == 0);
    REQUIRE(median({}) == 0);
}

TEST_CASE("percentiles are samples by nearest rank") {
    std::vector<std::uint64_t> samples;
    for (std::uint64_t i = 1; i <= 100; ++i) { samples.push_back(i); }
    REQUIRE(nearest_rank(samples, 0.50) == 50);
    REQUIRE(nearest_rank(samples, 0.99) == 99);
    REQUIRE(nearest_rank(samples, 1.0) == 100);
    REQUIRE(nearest_rank(samples, 0.0) == 1);
    REQUIRE(nearest_rank({7}, 0.95) == 7);
}

TEST_CASE("the median is the middle, or between the two in the middle") {
    REQUIRE(median({5, 1, 3}) == 3);
    REQUIRE(median({4, 1, 3, 2}) == Approx(2.5));
}

TEST_CASE("durations take the largest unit that fits") {
    REQUIRE(human_duration(0) == "0ns");
    REQUIRE(human_duration(870) == "870ns");
    REQUIRE(human_duration(12'345) == "12.345us");
    REQUIRE(human_duration(5'000'000) == "5ms");
    REQUIRE(human_duration(500'000'000) == "500ms");
    REQUIRE(human_duration(1'500'000'000) == "1.5s");
}

TEST_CASE("sizes take binary units") {
    REQUIRE(human_bytes(64) == "64 B");
    REQUIRE(human_bytes(4096) == "4 KiB");
    REQUIRE(human_bytes(1536 * 1024) == "1.5 MiB");
}

TEST_CASE("a child's output and exit code come back") {
    const child_output out = run_to_end({"/bin/sh", "-c", "echo hello; exit 3"}, 10s);
    REQUIRE(out.text == "hello\n");
    REQUIRE(out.exit_code == 3);
}

TEST_CASE("a program that is not there cannot be started") {
    child c;
    REQUIRE_FALSE(c.start({"/nowhere/at/all"}));
    REQUIRE(errno == ENOENT);
}

TEST_CASE("a child that ignores the request to stop is killed") {
    child c;
    child_setup setup;
    setup.capture = true;
    REQUIRE(c.start({"/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"}, setup));
    // One line is enough to know that the trap is set.
    REQUIRE(c.read_line(10s) == "ready");
    const pid_t pid = c.pid();
    REQUIRE(c.stop(100ms) == 128 + SIGKILL);
    REQUIRE(::kill(pid, 0) != 0);
}

TEST_CASE("the ticks of a process grow while it works") {
    const auto before = cpu_ticks(::getpid());
    REQUIRE(before);
    volatile std::uint64_t work = 0;
    while (*cpu_ticks(::getpid()) < *before + 2) {
        for (int i = 0; i < 100'000; ++i) { work = work + 1; }
    }
    REQUIRE_FALSE(cpu_ticks(-1));
}

TEST_CASE("a scratch directory goes with what is in it") {
    std::string path;
    {
        const scratch_directory scratch;
        path = scratch.path();
        REQUIRE(path != "");
        std::ofstream(path + "/file") << "x";
        REQUIRE(std::filesystem::exists(path + "/file"));
    }
    REQUIRE_FALSE(std::filesystem::exists(path));
}
