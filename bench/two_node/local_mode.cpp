// A server and a client of our own, each in a process on its own core; this one only watches them, so that
// temporary directories go whatever happens to the two.
#include "modes.hpp"

#include "../common/child.hpp"
#include "../common/cores.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace benchfs::bench {

namespace {

constexpr std::chrono::seconds start_limit{30};
constexpr const char* ready_line = "Server is ready and listening for requests.";
constexpr int interrupted_exit = 130; // what a shell reports after Ctrl+C

/// Only there to interrupt a wait.
void on_signal(int) {}

void catch_signals() {
    struct sigaction action{};
    action.sa_handler = &on_signal; // without SA_RESTART: waitpid returns
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGHUP, &action, nullptr);
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &action, nullptr);
}

std::vector<std::string> server_command(const bench_settings& s, const std::string& data_dir) {
    std::vector<std::string> command = {own_program(), "--mode", "server", "--registry-dir", s.registry_dir};
    command.insert(command.end(), {"--transport", s.transport});
    if (s.memory) {
        command.emplace_back("--memory");
    } else {
        command.insert(command.end(), {"--data-dir", data_dir});
    }
    if (s.server_cpu >= 0) { command.insert(command.end(), {"--cpu", std::to_string(s.server_cpu)}); }
    return command;
}

std::vector<std::string> client_command(const bench_settings& s, const std::string& data_dir) {
    std::string sizes;
    for (const std::size_t size : s.sizes) { sizes += (sizes.empty() ? "" : ",") + std::to_string(size); }
    std::vector<std::string> command = {own_program(), "--mode", "client", "--registry-dir", s.registry_dir};
    command.insert(command.end(), {"--transport", s.transport, "--iterations", std::to_string(s.iterations)});
    command.insert(command.end(), {"--warmup", std::to_string(s.warmup), "--sizes", sizes});
    command.insert(command.end(), {"--queue-depth", std::to_string(s.queue_depth)});
    command.insert(command.end(), {"--wait", std::to_string(s.wait_seconds)});
    if (!s.json_file.empty()) { command.insert(command.end(), {"--json", s.json_file}); }
    if (s.cpu >= 0) { command.insert(command.end(), {"--cpu", std::to_string(s.cpu)}); }
    if (s.server_cpu >= 0) { command.insert(command.end(), {"--server-cpu", std::to_string(s.server_cpu)}); }
    if (!s.memory) { command.insert(command.end(), {"--compare-dir", data_dir}); }
    if (!s.raw_limits) { command.emplace_back("--no-raw-limits"); }
    return command;
}

/// Passes on the server's lines until it is ready; false if it ended or took too long.
bool wait_until_ready(child& server) {
    const auto end = std::chrono::steady_clock::now() + start_limit;
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        const auto line = server.read_line(left);
        if (!line) { return false; }
        if (!line->empty()) { std::printf("[server] %s\n", line->c_str()); }
        if (*line == ready_line) { return true; }
    }
}

int run_both(const bench_settings& settings, const std::string& data_dir) {
    child server;
    child_setup setup;
    setup.capture = true;
    if (!server.start(server_command(settings, data_dir), setup) || !wait_until_ready(server)) {
        std::fprintf(stderr, "Error: the server did not start\n");
        return 1;
    }
    std::printf("\n");
    std::fflush(stdout);
    child client;
    if (!client.start(client_command(settings, data_dir))) {
        std::fprintf(stderr, "Error: the client did not start: %s\n", std::strerror(errno));
        return 1;
    }
    const auto code = client.wait_for_end();
    if (!code) {
        client.stop();
        server.stop();
        return interrupted_exit;
    }
    const auto ended = server.stop();
    if (ended != 0 && *code == 0) {
        std::fprintf(stderr, "Error: the server ended with exit code %d\n", ended.value_or(-1));
        return 1;
    }
    return *code;
}

} // namespace

int run_local(const bench_settings& given) {
    bench_settings settings = given;
    catch_signals();
    const scratch_directory scratch;
    if (scratch.path().empty()) {
        std::fprintf(stderr, "Error: cannot make a temporary directory: %s\n", std::strerror(errno));
        return 1;
    }
    if (settings.registry_dir.empty()) { settings.registry_dir = scratch.path() + "/registry"; }
    const std::string data_dir = settings.data_dir.empty() ? scratch.path() + "/data" : settings.data_dir;
    const core_pair cores = complete({settings.cpu, settings.server_cpu});
    settings.cpu = cores.near;
    settings.server_cpu = cores.far;
    if (cores.far < 0) { std::printf("Only one core to run on: server and client share it.\n"); }
    return run_both(settings, data_dir);
}

} // namespace benchfs::bench
