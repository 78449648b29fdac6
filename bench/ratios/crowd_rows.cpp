#include "crowd_rows.hpp"

#include "../common/statistics.hpp"
#include "test_server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace benchfs::bench {
namespace {

// Above what a server of either engine needs for itself: the pages that files take must be new ones.
constexpr std::uint64_t warm_files = 1000;
constexpr const char* busy_seconds = "3";

class crowd_rows {
public:
    explicit crowd_rows(rounds& table)
        : table_(table), asked_(table.asked()), scratch_(table.asked().scratch) {}

    void run();

private:
    [[nodiscard]] std::string start_server(bool memory);
    void file_row(bool memory);
    void client_rows();
    [[nodiscard]] std::string start_crowd(std::vector<child>& crowd, const std::string& gate);
    [[nodiscard]] worker_figure make_files(std::uint64_t count) {
        return run_client_worker("make-files", server_->registry(), asked_.cores.near, {std::to_string(count)});
    }

    rounds& table_;
    const plan& asked_;
    scratch_directory scratch_; // outlives the server
    std::unique_ptr<test_server> server_;
};

/// A fresh server; empty, or why there is none.
std::string crowd_rows::start_server(bool memory) {
    server_.reset();
    if (scratch_.path().empty()) { return std::string("no scratch directory: ") + std::strerror(errno); }
    // A small pool that is warm from the beginning: what grows afterwards is tables.
    std::vector<std::string> arguments = {"--memory", "--memory-ahead", "16M", "--warm"};
    if (!memory) { arguments = {"--data-dir", scratch_.path() + "/data"}; }
    arguments.insert(arguments.end(), {"--cpu", std::to_string(asked_.cores.far)});
    std::string why;
    server_ = test_server::start(asked_.program, arguments, why);
    return server_ ? std::string() : why;
}

/// Bytes of resident memory for an empty file, its name not counted.
void crowd_rows::file_row(bool memory) {
    const std::string name =
        std::string("memory of an empty file, ") + (memory ? "memory" : "io_uring") + " engine";
    const goal g{goal_kind::at_most, 400};
    if (!table_.wanted(name)) { return; }
    const std::string trouble = start_server(memory);
    if (!trouble.empty()) { return table_.add(not_measured(name, g, trouble)); }
    const worker_figure warm = make_files(warm_files);
    const auto before = resident_bytes(server_->pid());
    const worker_figure names = warm.ok() ? make_files(asked_.files) : warm;
    const auto after = resident_bytes(server_->pid());
    if (!names.ok()) { return table_.add(not_measured(name, g, names.error)); }
    if (!before || !after) { return table_.add(not_measured(name, g, "the server ended")); }
    const double grown = static_cast<double>(*after) - static_cast<double>(*before);
    const double each = grown / static_cast<double>(asked_.files) - names.value;
    table_.add(plain_figure(name, "B", {each}, g));
}

/// Starts the clients; empty once each is ready, else what went wrong.
std::string crowd_rows::start_crowd(std::vector<child>& crowd, const std::string& gate) {
    child_setup setup;
    setup.capture = true;
    const auto command = worker_command("crowd", server_->registry(), -1, {busy_seconds, gate});
    for (child& one : crowd) {
        if (!one.start(command, setup)) { return std::strerror(errno); }
    }
    for (child& one : crowd) {
        const auto said = one.read_line(std::chrono::seconds(60));
        if (said != worker_ready) { return said.value_or("a client was not ready within 60 s"); }
    }
    return {};
}

void crowd_rows::client_rows() {
    const std::string many = std::to_string(asked_.clients) + " clients";
    const std::string memory = "memory of a server for each of " + many;
    const std::string slowest = "slowest of " + many + " against the median (op/s)";
    const goal small{goal_kind::at_most, 2048};
    const goal even{goal_kind::at_least, 0.33};
    if (!table_.wanted(memory) && !table_.wanted(slowest)) { return; }
    std::string trouble = start_server(true);
    if (!trouble.empty()) { return table_.add(not_measured(memory, small, trouble)); }
    // One client's memory is there already: what others add is measured.
    (void)run_client_worker("first-answer", server_->registry(), -1);
    const auto before = resident_bytes(server_->pid());
    std::vector<child> crowd(static_cast<std::size_t>(asked_.clients));
    const std::string gate = scratch_.path() + "/gate";
    trouble = start_crowd(crowd, gate);
    if (!trouble.empty()) { return table_.add(not_measured(memory, small, trouble)); }
    std::ofstream(gate) << "open\n";
    std::vector<double> done;
    for (child& one : crowd) {
        child_output out;
        out.text = one.read_all(std::chrono::seconds(60));
        out.exit_code = one.wait(std::chrono::seconds(5)).value_or(-1);
        const worker_figure f = figure_of(out);
        if (!f.ok()) { return table_.add(not_measured(slowest, even, f.error)); }
        done.push_back(f.value);
    }
    const auto after = resident_peak_bytes(server_->pid());
    if (!before || !after) { return table_.add(not_measured(memory, small, "the server ended")); }
    const double grown = static_cast<double>(*after) - static_cast<double>(*before);
    table_.add(plain_figure(memory, "KiB", {grown / 1024 / static_cast<double>(crowd.size())}, small));
    const double least = *std::min_element(done.begin(), done.end());
    table_.add(ratio_of_rounds(slowest, "op/s", {least}, {median(done)}, even, false));
}

void crowd_rows::run() {
    for (const bool memory : {true, false}) { file_row(memory); }
    client_rows();
}

} // namespace

void measure_crowds(rounds& table) { crowd_rows(table).run(); }

} // namespace benchfs::bench
