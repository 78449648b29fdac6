#include "selftest.hpp"

#include "benchfs_mini.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace benchfs::mini {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds start_limit{10};
constexpr std::chrono::seconds end_limit{10};

/// The server process; never left behind.
class server_child {
public:
    ~server_child() {
        if (pid_ <= 0) { return; }
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    /// "" or what went wrong.
    [[nodiscard]] std::string start(const std::string& registry, const std::string& advertise, bool quiet) {
        std::vector<std::string> words = {"benchfs-mini", "server", "--registry", registry,
                                          "--rank",       "0",      "--clients",  "1"};
        if (!advertise.empty()) { words.insert(words.end(), {"--advertise", advertise}); }
        if (quiet) { words.emplace_back("--quiet"); }
        std::vector<char*> argv;
        for (std::string& word : words) { argv.push_back(word.data()); }
        argv.push_back(nullptr);
        const int error = ::posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, argv.data(), ::environ);
        return error == 0 ? std::string() : std::string("the server process: ") + std::strerror(error);
    }
    /// Its exit code, or 128 + the signal that ended it; nothing while it runs.
    [[nodiscard]] std::optional<int> ended() {
        int state = 0;
        if (pid_ <= 0 || ::waitpid(pid_, &state, WNOHANG) != pid_) { return std::nullopt; }
        pid_ = -1;
        return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    }

private:
    pid_t pid_ = -1;
};

class scratch {
public:
    scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "benchfs-mini-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) { path = name; }
    }
    ~scratch() {
        std::error_code ignored;
        if (!path.empty()) { std::filesystem::remove_all(path, ignored); }
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    std::string path; // empty: it could not be made
};

std::string start_server(server_child& server, const std::string& registry, const std::string& advertise,
                         bool quiet) {
    std::string why = server.start(registry, advertise, quiet);
    const auto end = steady_clock::now() + start_limit;
    while (why.empty() && !std::filesystem::exists(registry + "/server_0.txt")) {
        if (const auto code = server.ended(); code) {
            why = "the server process ended with " + std::to_string(*code);
        } else if (steady_clock::now() > end) {
            why = "the server is not in " + registry + " after 10 s";
        } else {
            ::usleep(10'000);
        }
    }
    if (why.empty()) { std::printf("server 0: start: ok, in %s\n", registry.c_str()); }
    return why;
}

std::string end_server(server_child& server) {
    const auto end = steady_clock::now() + end_limit;
    while (steady_clock::now() < end) {
        const auto code = server.ended();
        if (code) { return *code == 0 ? std::string() : "the server ended with " + std::to_string(*code); }
        ::usleep(10'000);
    }
    return "the server did not end after its client had left";
}

walk_failure run(const walk_options& options, const std::string& advertise, bool quiet) {
    const scratch registry;
    if (registry.path.empty()) {
        return {"start", std::string("no temporary directory: ") + std::strerror(errno)};
    }
    benchfs_mini_options_t o;
    benchfs_mini_options_init(&o);
    o.registry_dir = registry.path.c_str();
    o.quiet = quiet ? 1 : 0;
    if (benchfs_mini_init_with(&o) != 0) { return {"init", benchfs_mini_error()}; }
    server_child server;
    std::string why = start_server(server, registry.path, advertise, quiet);
    if (!why.empty()) { return {"start", why}; }
    walk_failure failure = walk(0, options);
    benchfs_mini_finalize();
    if (!failure) {
        why = end_server(server);
        if (!why.empty()) { return {"end", why}; }
    }
    return failure;
}

} // namespace

int selftest(const walk_options& options, const std::string& advertise, bool quiet) {
    const walk_failure failure = run(options, advertise, quiet);
    benchfs_mini_finalize();
    if (!failure) {
        std::printf("OK\n");
        return 0;
    }
    std::printf("FAILED at %s: %s\nlikely cause: %s\n", failure.step.c_str(), failure.why.c_str(),
                likely_cause(failure.step).c_str());
    return 1;
}

} // namespace benchfs::mini
