#include "message_rows.hpp"

#include "../common/statistics.hpp"
#include "../raw/raw_ucx.hpp"
#include "test_server.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

namespace benchfs::bench {
namespace {

class message_rows {
public:
    explicit message_rows(rounds& table) : table_(table), asked_(table.asked()) {}

    [[nodiscard]] bool run();

private:
    [[nodiscard]] worker_figure client(const std::string& kind,
                                       const std::vector<std::string>& arguments = {}) {
        return run_client_worker(kind, server_->registry(), asked_.cores.near, arguments);
    }
    [[nodiscard]] bool start_server();
    void small_rows();
    void bulk_rows();
    void start_rows();
    void oversubscribed_row();
    void idle_rows();
    [[nodiscard]] worker_figure two_busy_clients();

    rounds& table_;
    const plan& asked_;
    std::unique_ptr<test_server> server_;
};

void message_rows::small_rows() {
    const std::string count = std::to_string(asked_.operations);
    const auto round_trip = [this](std::size_t out) {
        return
            [this, out] { return from_raw(measure_am_round_trip(out, 64, asked_.operations, asked_.cores)); };
    };
    table_.against_raw("empty RPC round trip", {goal_kind::at_most, 1.5}, false, round_trip(64),
                       [&] { return client("empty", {count}); });
    table_.against_raw("write 4 KiB, memory engine", {goal_kind::at_most, 2.5}, false, round_trip(4096),
                       [&] { return client("write-small", {count}); });
    table_.against_raw("read 4 KiB, memory engine", {goal_kind::at_most, 2.5}, false, round_trip(4096),
                       [&] { return client("read-small", {count}); });
}

void message_rows::bulk_rows() {
    for (const std::size_t piece : {one_mib, 4 * one_mib}) {
        const std::vector<std::string> arguments = {std::to_string(asked_.distinct), std::to_string(piece)};
        const auto raw = [&] {
            return from_raw(measure_best_bandwidth(asked_.distinct, piece, asked_.cores).result);
        };
        for (const char* kind : {"write", "read"}) {
            const std::string name =
                std::string(kind) + " " + human_bytes(piece) + " (us per MiB), memory engine";
            table_.against_raw(name, {goal_kind::at_least, 0.75}, true, raw,
                               [&] { return client(std::string(kind) + "-bulk", arguments); });
        }
    }
}

void message_rows::start_rows() {
    table_.plain("server start to announcement", "ms", {goal_kind::at_most, 500}, [this] {
        std::string why;
        const auto s =
            test_server::start(asked_.program, {"--memory", "--cpu", std::to_string(asked_.cores.far)}, why);
        return s ? worker_figure{s->start_milliseconds(), {}} : worker_figure{0, why};
    });
    table_.plain("client start to first answer", "ms", {goal_kind::at_most, 100},
                 [this] { return client("first-answer"); });
}

worker_figure message_rows::two_busy_clients() {
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

void message_rows::oversubscribed_row() {
    const std::string name = "2 busy clients and a server on 2 cores (op/s)";
    const goal g{goal_kind::at_least, 0.25};
    if (!table_.wanted(name)) { return; }
    std::vector<double> alone;
    std::vector<double> together;
    for (int round = 0; round < asked_.rounds; ++round) {
        const worker_figure one = client("busy", {"2"});
        const worker_figure two = one.ok() ? two_busy_clients() : one;
        if (!two.ok()) { return table_.add(not_measured(name, g, two.error)); }
        alone.push_back(one.value);
        together.push_back(two.value);
    }
    table_.add(ratio_of_rounds(name, "op/s", together, alone, g, false));
}

void message_rows::idle_rows() {
    const std::string name = "idle ticks in " + std::to_string(asked_.idle_seconds) + " s, ";
    const goal g{goal_kind::at_most, 10};
    if (!table_.wanted(name)) { return; }
    child idle;
    child_setup setup;
    setup.capture = true;
    const std::string length = std::to_string(asked_.idle_seconds + 5);
    const auto command = worker_command("idle", server_->registry(), asked_.cores.near, {length});
    if (!idle.start(command, setup) || idle.read_line(std::chrono::seconds(30)) != worker_ready) {
        return table_.add(not_measured(name + "client", g, "no idle client"));
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto server_before = cpu_ticks(server_->pid());
    const auto client_before = cpu_ticks(idle.pid());
    std::this_thread::sleep_for(std::chrono::seconds(asked_.idle_seconds));
    const auto server_after = cpu_ticks(server_->pid());
    const auto client_after = cpu_ticks(idle.pid());
    if (!server_before || !client_before || !server_after || !client_after) {
        return table_.add(not_measured(name + "server and client", g, "a process ended"));
    }
    table_.add(
        plain_figure(name + "server", "ticks", {static_cast<double>(*server_after - *server_before)}, g));
    table_.add(
        plain_figure(name + "client", "ticks", {static_cast<double>(*client_after - *client_before)}, g));
}

bool message_rows::start_server() {
    std::string why;
    // Room for two files of the bulk rows: one is written while the space of the last one comes back.
    const std::string ahead = std::to_string(2 * asked_.distinct + 128 * one_mib);
    server_ = test_server::start(
        asked_.program,
        {"--memory", "--memory-ahead", ahead, "--warm", "--cpu", std::to_string(asked_.cores.far)}, why);
    if (!server_) { std::fprintf(stderr, "benchfs-ratios: %s\n", why.c_str()); }
    return server_ != nullptr;
}

bool message_rows::run() {
    if (!start_server()) { return false; }
    small_rows();
    bulk_rows();
    start_rows();
    oversubscribed_row();
    idle_rows();
    return true;
}

} // namespace

bool measure_messages(rounds& table) { return message_rows(table).run(); }

} // namespace benchfs::bench
