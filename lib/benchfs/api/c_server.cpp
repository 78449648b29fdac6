// benchfs_server_*: a benchfsd as a child process of the caller.
#include "benchfs/api/benchfs.h"
#include "benchfs/api/c_error.hpp"
#include "benchfs/cluster/server_record.hpp"
#include "benchfs/cluster/small_file.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <cerrno>
#include <csignal>
#include <dlfcn.h>
#include <memory>
#include <new>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace benchfs;

struct benchfs_server {
    pid_t pid = -1;
    pid_t owner = -1; // whose child it is
    std::string name; // "benchfsd 0 of 1"
    bool ended = false;
    int status = 0;

    /// Whether the process has ended; takes its status when it has.
    bool look() noexcept {
        if (!ended && ::waitpid(pid, &status, WNOHANG) == pid) { ended = true; }
        return ended;
    }
};

namespace {

constexpr duration stop_patience = std::chrono::seconds(10);
constexpr std::size_t record_max = 64 * KiB;

/// The benchfsd that belongs to this library: installed beside it, or in its build directory; else PATH's.
[[nodiscard]] std::string find_program() {
    Dl_info self{};
    if (::dladdr(reinterpret_cast<const void*>(&benchfs_version), &self) != 0 && self.dli_fname != nullptr) {
        const std::string file = self.dli_fname;
        const std::string dir = file.find('/') == std::string::npos ? "." : file.substr(0, file.rfind('/'));
        for (const char* place : {"/../daemon/benchfsd", "/../bin/benchfsd", "/../../bin/benchfsd"}) {
            const std::string path = dir + place;
            if (::access(path.c_str(), X_OK) == 0) { return path; }
        }
    }
    return "benchfsd";
}

[[nodiscard]] std::vector<std::string> command_of(const benchfs_server_options_t& o) {
    std::vector<std::string> words{o.program != nullptr ? o.program : find_program()};
    const auto add = [&](const char* option, const std::string& value) {
        words.emplace_back(option);
        words.push_back(value);
    };
    add("--registry-dir", o.registry_dir);
    if (o.data_dir != nullptr) {
        add("--data-dir", o.data_dir);
    } else {
        words.emplace_back("--memory");
    }
    add("--id", std::to_string(o.id));
    add("--servers", std::to_string(o.servers));
    add("--parent", std::to_string(::getpid()));
    add("--log-level", "warn");
    for (const char* const* more = o.arguments; more != nullptr && *more != nullptr; ++more) {
        words.emplace_back(*more);
    }
    return words;
}

/// Its output goes where the caller's errors go.
[[nodiscard]] int spawn(std::vector<std::string>& words, pid_t& pid) {
    std::vector<char*> argv;
    for (std::string& w : words) { argv.push_back(w.data()); }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int failed = ::posix_spawnp(&pid, argv.front(), &files, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return failed;
}

/// Until the server's record with its pid is in the registry. busy: it has ended instead.
[[nodiscard]] runtime::task<status> wait_until_announced(benchfs_server& server, std::string record,
                                                         duration limit) {
    const time_point end = (co_await runtime::current_context()).owner->now() + limit;
    while (true) {
        if (server.look()) { co_return errc::busy; }
        std::string ignored;
        const result<std::string> text = cluster::read_small_file(record, record_max);
        if (text) {
            const result<cluster::server_record> found = cluster::parse_server_record(*text, ignored);
            if (found && found->process.pid == server.pid) { co_return ok(); }
        }
        if ((co_await runtime::current_context()).owner->now() >= end) { co_return errc::timed_out; }
        BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(5)));
    }
}

[[nodiscard]] runtime::task<status> wait_until_ended(benchfs_server& server, duration limit) {
    const time_point end = (co_await runtime::current_context()).owner->now() + limit;
    while (!server.look()) {
        if ((co_await runtime::current_context()).owner->now() >= end) { co_return errc::timed_out; }
        BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(5)));
    }
    co_return ok();
}

[[nodiscard]] std::string describe_end(int status) {
    if (WIFSIGNALED(status)) { return "was ended by signal " + std::to_string(WTERMSIG(status)); }
    return "ended with status " + std::to_string(WEXITSTATUS(status));
}

int start(const benchfs_server_options_t& o, benchfs_server_t** out) {
    auto server = std::make_unique<benchfs_server>();
    server->name = "benchfsd " + std::to_string(o.id) + " of " + std::to_string(o.servers);
    std::vector<std::string> words = command_of(o);
    if (const int failed = spawn(words, server->pid); failed != 0) {
        return c::fail(
            from_errno(failed), "benchfs_server_start", words.front(),
            failed == ENOENT ? "there is no such program; install benchfsd, or name it in the options" : "");
    }
    server->owner = ::getpid();
    const std::string record =
        std::string(o.registry_dir) + "/" + cluster::address_file_name(static_cast<server_id>(o.id), o.servers);
    runtime::loop loop;
    const status ready = loop.run(wait_until_announced(*server, record, std::chrono::milliseconds(o.wait_ms)));
    if (ready) {
        *out = server.release();
        return 0;
    }
    if (ready.error() == errc::busy) {
        return c::fail(errc::io_error, "benchfs_server_start", server->name,
                       "the server " + describe_end(server->status) +
                           " before it was ready; what it printed says why");
    }
    const int pid = server->pid;
    (void)benchfs_server_stop(server.release());
    return c::fail(ready.error(), "benchfs_server_start", "process " + std::to_string(pid),
                   "the server was not ready in time; it was stopped");
}

int stop(benchfs_server& server) {
    if (server.owner != ::getpid()) { return 0; } // a forked child's copy
    if (server.look()) {
        return c::fail(errc::io_error, "benchfs_server_stop", server.name,
                       "the server " + describe_end(server.status) + " before it was stopped");
    }
    ::kill(server.pid, SIGTERM);
    runtime::loop loop;
    if (!loop.run(wait_until_ended(server, stop_patience))) {
        ::kill(server.pid, SIGKILL);
        (void)loop.run(wait_until_ended(server, stop_patience));
        return c::fail(errc::io_error, "benchfs_server_stop", server.name,
                       "it did not stop within 10 s and was killed");
    }
    if (WIFEXITED(server.status) && WEXITSTATUS(server.status) == 0) { return 0; }
    return c::fail(errc::io_error, "benchfs_server_stop", server.name,
                   "the server " + describe_end(server.status));
}

} // namespace

extern "C" {

void benchfs_server_options_init(benchfs_server_options_t* options) {
    *options = benchfs_server_options_t{};
    options->struct_size = sizeof *options;
    options->servers = 1;
    options->wait_ms = 30000;
}

int benchfs_server_start(const benchfs_server_options_t* options, benchfs_server_t** server) {
    if (options == nullptr || server == nullptr || options->struct_size != sizeof *options) {
        return c::fail(errc::invalid_argument, "benchfs_server_start", {},
                       "the options were not made by benchfs_server_options_init");
    }
    *server = nullptr;
    if (options->registry_dir == nullptr || *options->registry_dir == '\0') {
        return c::fail(errc::invalid_argument, "benchfs_server_start", {}, "no registry directory was given");
    }
    try {
        return start(*options, server);
    } catch (const std::bad_alloc&) { return c::fail(errc::no_memory, "benchfs_server_start"); } catch (...) {
        return c::fail(errc::io_error, "benchfs_server_start", {}, "an unexpected error inside benchfs");
    }
}

int benchfs_server_check(benchfs_server_t* server) {
    if (server == nullptr) { return c::fail(errc::invalid_argument, "benchfs_server_check"); }
    if (!server->look()) { return 0; }
    return c::fail(from_errno(ESRCH), "benchfs_server_check", server->name, "the server has ended");
}

int benchfs_server_stop(benchfs_server_t* server) {
    if (server == nullptr) { return 0; }
    const std::unique_ptr<benchfs_server_t> owner(server);
    try {
        return stop(*server);
    } catch (...) {
        ::kill(server->pid, SIGKILL);
        return c::fail(errc::no_memory, "benchfs_server_stop");
    }
}
}
