// What the benchmarks print, and which command lines they take.
#include "catch.hpp"

#include "common/pattern.hpp"
#include "ratios/client_worker.hpp"
#include "ratios/table.hpp"
#include "raw/raw_storage.hpp"
#include "two_node/report.hpp"
#include "two_node/settings.hpp"

#include <vector>

using namespace benchfs::bench;

namespace {

bench_settings parse(std::vector<const char*> words) {
    words.insert(words.begin(), "benchfs-bench");
    return read_bench_settings(static_cast<int>(words.size()), words.data());
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

measurement sample(operation op, std::size_t size) {
    measurement m;
    m.op = op;
    m.size = size;
    m.times = summarise({2'000'000, 4'000'000});
    return m;
}

} // namespace

TEST_CASE("the configuration block is the reference's") {
    REQUIRE(format_configuration({}) == "Configuration:\n"
                                        "  Iterations: 100\n"
                                        "  Warmup:     10\n"
                                        "  File sizes: [1024, 4096, 16384] bytes\n");
}

TEST_CASE("phases are announced in the reference's words") {
    REQUIRE(announcement(operation::create, 0) == "Running metadata create benchmark...");
    REQUIRE(announcement(operation::write, 1024) == "Running small write benchmark (1024 bytes)...");
    REQUIRE(announcement(operation::read, 16384) == "Running small read benchmark (16384 bytes)...");
}

TEST_CASE("a block of results has the reference's lines and the percentiles") {
    const std::string text = format_results({sample(operation::create, 0), sample(operation::write, 1024)});
    REQUIRE(has(text, "=== Benchmark Results ===\n\n  Metadata Create (file creation)\n    Iterations: 2\n"
                      "    Total:      6ms\n    Average:    3ms\n    Min:        2ms\n    Max:        4ms\n"));
    REQUIRE(has(text, "    p50:        2ms\n    p95:        4ms\n    p99:        4ms\n"
                      "    Throughput: 333.33 ops/sec\n"));
    REQUIRE(has(text, "\n  Small Write (1024 bytes)\n"));
}

TEST_CASE("figures are held against the raw limit") {
    measurement m = sample(operation::write, 1 << 20);
    m.raw = raw_result{1000, {}};
    raw_bandwidth bandwidth;
    bandwidth.best.result.microseconds = 1000; // 1000 MiB/s
    bandwidth.distinct_bytes = 256 << 20;
    bandwidth.piece = 1 << 20;
    const std::string text = format_against_raw({m}, bandwidth);
    REQUIRE(has(text, "2.00x"));
    REQUIRE(has(text, "333.3"));
    REQUIRE(has(text, "33.3 %"));
    REQUIRE(has(text, "1000 MiB/s"));
    REQUIRE_FALSE(has(text, "local file"));
    m.local_file = raw_result{4000, {}};
    REQUIRE(has(format_against_raw({m}, bandwidth), "0.50x"));
    m.raw = raw_result{0, "no shared memory"};
    REQUIRE(has(format_against_raw({m}, bandwidth), "Could not be measured: no shared memory"));
}

TEST_CASE("the JSON holds what was measured") {
    const std::string text = results_json({}, {sample(operation::read, 4096)}, std::nullopt);
    REQUIRE(has(text, "\"operation\": \"read\""));
    REQUIRE(has(text, "\"bytes\": 4096"));
    REQUIRE(has(text, "\"p99_ns\": 4000000"));
    REQUIRE_FALSE(has(text, "raw"));
}

TEST_CASE("the command line of the reference is understood") {
    const auto server = parse({"--mode", "server", "--registry-dir", "/r", "--data-dir", "/d"});
    REQUIRE(server.trouble == "");
    REQUIRE(server.run);
    REQUIRE(server.mode == bench_mode::server);
    const auto client =
        parse({"--mode", "client", "--registry-dir", "/r", "--sizes", "1,2,3", "--queue-depth", "8"});
    REQUIRE(client.run);
    REQUIRE(client.sizes == std::vector<std::size_t>{1, 2, 3});
    REQUIRE(client.queue_depth == 8);
    REQUIRE(client.raw_limits);
    REQUIRE(parse({"--mode", "local", "--memory", "--no-raw-limits"}).run);
    REQUIRE_FALSE(parse({"--mode", "local", "--no-raw-limits"}).raw_limits);
}

TEST_CASE("a command line that makes no sense exits with 2 and says why") {
    struct bad {
        std::vector<const char*> words;
        const char* named;
    };
    const std::vector<bad> cases = {
        {{}, "--mode"},
        {{"--mode", "spectator"}, "--mode"},
        {{"--mode", "client"}, "--registry-dir"},
        {{"--mode", "server", "--registry-dir", "/r"}, "--data-dir"},
        {{"--mode", "local", "--memory", "--data-dir", "/d"}, "--memory"},
        {{"--mode", "local", "--iterations", "0"}, "--iterations"},
        {{"--mode", "local", "--sizes", "0"}, "--sizes"},
        {{"--mode", "local", "--size", "8"}, "--size"},
    };
    for (const bad& b : cases) {
        const auto s = parse(b.words);
        INFO(s.trouble);
        REQUIRE_FALSE(s.run);
        REQUIRE(s.exit_code == 2);
        REQUIRE(has(s.trouble, b.named));
    }
}

TEST_CASE("a pattern is recognised, and a changed byte is found") {
    std::vector<std::byte> bytes(1003);
    fill_pattern(bytes, 7);
    REQUIRE_FALSE(first_difference(bytes, 7));
    REQUIRE(first_difference(bytes, 8));
    for (const std::size_t at : {std::size_t{0}, std::size_t{500}, bytes.size() - 1}) {
        bytes[at] ^= std::byte{1};
        REQUIRE(first_difference(bytes, 7) == at);
        bytes[at] ^= std::byte{1};
    }
}

TEST_CASE("a ratio is the median of the rounds, and goals go both ways") {
    const ratio_row slow = ratio_of_rounds("x", "us", {3, 2, 10}, {2, 2, 2}, {goal_kind::at_most, 1.5}, false);
    REQUIRE(slow.judged == Approx(1.5));
    REQUIRE(slow.pass());
    const ratio_row share = ratio_of_rounds("y", "us", {100}, {70}, {goal_kind::at_least, 0.75}, true);
    REQUIRE(share.judged == Approx(0.7));
    REQUIRE_FALSE(share.pass());
    REQUIRE_FALSE(ratio_of_rounds("z", "us", {1, 2}, {1}, {goal_kind::at_most, 9}, false).pass());
    REQUIRE_FALSE(not_measured("w", {goal_kind::at_most, 9}, "no server").pass());
    REQUIRE(plain_figure("v", "ticks", {10}, {goal_kind::at_most, 10}).pass());
    const std::string table = format_table({slow, share, not_measured("w", {}, "no server")});
    REQUIRE(has(table, "PASS"));
    REQUIRE(has(table, "MISS (no server)"));
    // What this machine cannot measure is no miss, and says why.
    const ratio_row skipped = skipped_row("f", {}, "fio is not installed");
    REQUIRE(has(format_table({skipped}), "SKIP (fio is not installed)"));
    REQUIRE(has(table_json({skipped}), "\"skipped\": true"));
}

TEST_CASE("plain file operations are measured where they are asked for") {
    for (const file_operation op : {file_operation::create, file_operation::write, file_operation::read}) {
        const raw_result r = measure_file_operation(op, "/tmp", 4096, 5);
        INFO(r.error);
        REQUIRE(r.ok());
        REQUIRE(r.microseconds > 0);
    }
    REQUIRE(has(measure_file_operation(file_operation::write, "/proc/nowhere", 1, 1).error, "/proc/nowhere"));
}

TEST_CASE("a worker's figure is its last line, and its complaint an error") {
    REQUIRE(figure_of({0, "ready\n1.5\n"}).value == Approx(1.5));
    REQUIRE(figure_of({0, "ready\n1.5\n"}).ok());
    REQUIRE(figure_of({1, "no such file\n"}).error == "no such file");
    REQUIRE_FALSE(figure_of({1, "1.5\n"}).ok());
    REQUIRE_FALSE(figure_of({0, ""}).ok());
}
