// benchfs-ratios: the speed goals of the project, each as a ratio to a raw limit measured in the same round.
//
// Server and client are pinned to a core each. Every figure is the median of the rounds. Exit code 1 if a goal
// is missed.
#include "../common/cores.hpp"
#include "../common/statistics.hpp"
#include "../raw/raw_ucx.hpp"
#include "client_worker.hpp"
#include "table.hpp"
#include "test_server.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

namespace {

using namespace benchfs::bench;

constexpr std::size_t mib = std::size_t{1} << 20;

struct plan {
    std::string program;
    std::string json_file;
    std::string only;
    int rounds = 5;
    std::uint64_t operations = 200'000;
    std::size_t distinct = 256 * mib;
    int idle_seconds = 10;
    core_pair cores;
};

class ratios {
public:
    explicit ratios(const plan& p) : plan_(p) {}

    int run();

private:
    using measure = std::function<worker_figure()>;

    [[nodiscard]] bool wanted(const std::string& name) const {
        return plan_.only.empty() || name.find(plan_.only) != std::string::npos;
    }
    void add(ratio_row row);
    [[nodiscard]] worker_figure client(const std::string& kind,
                                       const std::vector<std::string>& arguments = {}) {
        return run_client_worker(kind, server_->registry(), plan_.cores.near, arguments);
    }
    /// A row of rounds: raw and ours, one after the other.
    void against_raw(const std::string& name, goal g, bool inverse, const measure& raw, const measure& ours);
    void plain(const std::string& name, const std::string& unit, goal g, const measure& figure);

    [[nodiscard]] bool start_server();
    void small_rows();
    void bulk_rows();
    void start_rows();
    void oversubscribed_row();
    void idle_rows();
    [[nodiscard]] worker_figure two_busy_clients();

    const plan& plan_;
    std::unique_ptr<test_server> server_;
    std::vector<ratio_row> rows_;
};

worker_figure from_raw(const raw_result& r) { return {r.microseconds, r.error}; }

void ratios::add(ratio_row row) {
    std::printf("  %-46s %s\n", row.name.c_str(), row.pass() ? "PASS" : "MISS");
    std::fflush(stdout);
    rows_.push_back(std::move(row));
}

void ratios::against_raw(const std::string& name, goal g, bool inverse, const measure& raw,
                         const measure& ours) {
    if (!wanted(name)) { return; }
    std::vector<double> raws;
    std::vector<double> figures;
    for (int round = 0; round < plan_.rounds; ++round) {
        const worker_figure limit = raw();
        const worker_figure figure = limit.ok() ? ours() : limit;
        if (!figure.ok()) { return add(not_measured(name, g, figure.error)); }
        raws.push_back(limit.value);
        figures.push_back(figure.value);
    }
    add(ratio_of_rounds(name, "us", figures, raws, g, inverse));
}

void ratios::plain(const std::string& name, const std::string& unit, goal g, const measure& figure) {
    if (!wanted(name)) { return; }
    std::vector<double> figures;
    for (int round = 0; round < plan_.rounds; ++round) {
        const worker_figure one = figure();
        if (!one.ok()) { return add(not_measured(name, g, one.error)); }
        figures.push_back(one.value);
    }
    add(plain_figure(name, unit, figures, g));
}

void ratios::small_rows() {
    const std::string count = std::to_string(plan_.operations);
    const auto round_trip = [this](std::size_t out) {
        return [this, out] { return from_raw(measure_am_round_trip(out, 64, plan_.operations, plan_.cores)); };
    };
    against_raw("empty RPC round trip", {goal_kind::at_most, 1.5}, false, round_trip(64),
                [&] { return client("empty", {count}); });
    against_raw("write 4 KiB, memory engine", {goal_kind::at_most, 2.5}, false, round_trip(4096),
                [&] { return client("write-small", {count}); });
    against_raw("read 4 KiB, memory engine", {goal_kind::at_most, 2.5}, false, round_trip(4096),
                [&] { return client("read-small", {count}); });
}

void ratios::bulk_rows() {
    for (const std::size_t piece : {mib, 4 * mib}) {
        const std::vector<std::string> arguments = {std::to_string(plan_.distinct), std::to_string(piece)};
        const auto raw = [&] {
            return from_raw(measure_best_bandwidth(plan_.distinct, piece, plan_.cores).result);
        };
        for (const char* kind : {"write", "read"}) {
            const std::string name =
                std::string(kind) + " " + human_bytes(piece) + " (us per MiB), memory engine";
            against_raw(name, {goal_kind::at_least, 0.75}, true, raw,
                        [&] { return client(std::string(kind) + "-bulk", arguments); });
        }
    }
}

void ratios::start_rows() {
    plain("server start to announcement", "ms", {goal_kind::at_most, 500}, [this] {
        std::string why;
        const auto s =
            test_server::start(plan_.program, {"--memory", "--cpu", std::to_string(plan_.cores.far)}, why);
        return s ? worker_figure{s->start_milliseconds(), {}} : worker_figure{0, why};
    });
    plain("client start to first answer", "ms", {goal_kind::at_most, 100},
          [this] { return client("first-answer"); });
}

worker_figure ratios::two_busy_clients() {
    // Not pinned: the kernel has three busy processes for two cores.
    child first;
    child second;
    child_setup setup;
    setup.capture = true;
    const auto command = worker_command("busy", server_->registry(), -1, {"4"});
    if (!first.start(command, setup) || !second.start(command, setup)) { return {0, std::strerror(errno)}; }
    double sum = 0;
    for (child* one : {&first, &second}) {
        child_output out;
        out.text = one->read_all(std::chrono::seconds(60));
        out.exit_code = one->wait(std::chrono::seconds(5)).value_or(-1);
        const worker_figure f = figure_of(out);
        if (!f.ok()) { return f; }
        sum += f.value;
    }
    return {sum, {}};
}

void ratios::oversubscribed_row() {
    const std::string name = "2 busy clients and a server on 2 cores (op/s)";
    const goal g{goal_kind::at_least, 0.25};
    if (!wanted(name)) { return; }
    std::vector<double> alone;
    std::vector<double> together;
    for (int round = 0; round < plan_.rounds; ++round) {
        const worker_figure one = client("busy", {"2"});
        const worker_figure two = one.ok() ? two_busy_clients() : one;
        if (!two.ok()) { return add(not_measured(name, g, two.error)); }
        alone.push_back(one.value);
        together.push_back(two.value);
    }
    add(ratio_of_rounds(name, "op/s", together, alone, g, false));
}

void ratios::idle_rows() {
    const std::string name = "idle ticks in " + std::to_string(plan_.idle_seconds) + " s, ";
    const goal g{goal_kind::at_most, 10};
    if (!wanted(name)) { return; }
    child idle;
    child_setup setup;
    setup.capture = true;
    const std::string length = std::to_string(plan_.idle_seconds + 5);
    const auto command = worker_command("idle", server_->registry(), plan_.cores.near, {length});
    if (!idle.start(command, setup) || idle.read_line(std::chrono::seconds(30)) != worker_ready) {
        return add(not_measured(name + "client", g, "no idle client"));
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto server_before = cpu_ticks(server_->pid());
    const auto client_before = cpu_ticks(idle.pid());
    std::this_thread::sleep_for(std::chrono::seconds(plan_.idle_seconds));
    const auto server_after = cpu_ticks(server_->pid());
    const auto client_after = cpu_ticks(idle.pid());
    if (!server_before || !client_before || !server_after || !client_after) {
        return add(not_measured(name + "server and client", g, "a process ended"));
    }
    add(plain_figure(name + "server", "ticks", {static_cast<double>(*server_after - *server_before)}, g));
    add(plain_figure(name + "client", "ticks", {static_cast<double>(*client_after - *client_before)}, g));
}

bool ratios::start_server() {
    std::string why;
    // Room for two files of the bulk rows: one is written while the space of the last one comes back.
    const std::string ahead = std::to_string(2 * plan_.distinct + 128 * mib);
    server_ = test_server::start(
        plan_.program,
        {"--memory", "--memory-ahead", ahead, "--warm", "--cpu", std::to_string(plan_.cores.far)}, why);
    if (!server_) { std::fprintf(stderr, "benchfs-ratios: %s\n", why.c_str()); }
    return server_ != nullptr;
}

int ratios::run() {
    std::printf("Server on core %d, client on core %d, %d rounds\n", plan_.cores.far, plan_.cores.near,
                plan_.rounds);
    std::fflush(stdout);
    if (!start_server()) { return 1; }
    small_rows();
    bulk_rows();
    start_rows();
    oversubscribed_row();
    idle_rows();
    std::printf("\n%s", format_table(rows_).c_str());
    if (!plan_.json_file.empty()) {
        std::ofstream file(plan_.json_file, std::ios::trunc);
        file << table_json(rows_);
        file.flush();
        if (!file) {
            std::fprintf(stderr, "benchfs-ratios: cannot write %s\n", plan_.json_file.c_str());
            return 1;
        }
    }
    std::size_t missed = 0;
    for (const ratio_row& r : rows_) { missed += r.pass() ? 0U : 1U; }
    std::printf("%zu goals met, %zu missed\n", rows_.size() - missed, missed);
    return missed == 0 && !rows_.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], raw_worker_flag) == 0) { return raw_worker_main(argc, argv); }
    if (argc > 1 && std::strcmp(argv[1], client_worker_flag) == 0) { return client_worker_main(argc, argv); }
    plan p;
    p.program = find_benchfsd();
    std::size_t distinct_mib = p.distinct / mib;
    CLI::App app{"The speed goals of benchfs as ratios to raw limits of the same run", "benchfs-ratios"};
    app.add_option("--benchfsd", p.program, "the server to start");
    app.add_option("--rounds", p.rounds, "rounds; each figure is their median [5]")->check(CLI::Range(1, 100));
    app.add_option("--operations", p.operations, "small operations in a round [200000]")
        ->check(CLI::Range(100, 100'000'000));
    app.add_option("--distinct", distinct_mib, "MiB of distinct memory in the bulk rows [256]")
        ->check(CLI::Range(4, 65536));
    app.add_option("--idle-seconds", p.idle_seconds, "how long to watch idle processes [10]")
        ->check(CLI::Range(1, 600));
    app.add_option("--only", p.only, "only the rows whose name has this in it");
    app.add_option("--json", p.json_file, "write the table to this file too");
    app.add_option("--near", p.cores.near, "core of the client");
    app.add_option("--far", p.cores.far, "core of the server");
    CLI11_PARSE(app, argc, argv);
    p.distinct = distinct_mib / 4 * 4 * mib;
    p.cores = complete(p.cores);
    if (p.program.empty()) {
        std::fprintf(stderr,
                     "benchfs-ratios: there is no benchfsd beside this program; name it with --benchfsd\n");
        return 2;
    }
    return ratios(p).run();
}
