#include "process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace benchfs::test {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(int error, const char* what) {
    throw std::system_error(error, std::generic_category(), what);
}

} // namespace

process::process(const std::vector<std::string>& command) {
    ::signal(SIGPIPE, SIG_IGN); // a child may die while it is spoken to
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) { fail(errno, "pipe2"); }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (const std::string& a : command) { argv.push_back(const_cast<char*>(a.c_str())); }
    argv.push_back(nullptr);
    const int error = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), ::environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = out[0];
    if (error != 0) {
        ::close(input_);
        ::close(output_);
        fail(error, command.front().c_str());
    }
}

process::~process() {
    ::close(input_);
    ::close(output_);
    if (!ended_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

std::optional<std::string> process::line(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (true) {
        if (const auto end = pending_.find('\n'); end != std::string::npos) {
            std::string text = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return text;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
        pollfd p{output_, POLLIN, 0};
        if (left.count() <= 0) { return {}; }
        const int ready = ::poll(&p, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) { continue; }
        if (ready <= 0) { return {}; }
        char buffer[512];
        const ssize_t got = ::read(output_, buffer, sizeof buffer);
        if (got <= 0) { return {}; }
        pending_.append(buffer, static_cast<std::size_t>(got));
    }
}

void process::say(std::string_view text) {
    const std::string whole = std::string(text) + "\n";
    // A pipe takes a short line whole, or the reader is gone.
    [[maybe_unused]] const ssize_t written = ::write(input_, whole.data(), whole.size());
}

void process::signal(int number) {
    if (!ended_) { ::kill(pid_, number); }
}

std::optional<int> process::wait(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (!ended_) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            break;
        }
        if (clock::now() >= deadline) { return {}; }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ended_;
}

temporary_directory::temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "benchfs-transport-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) { fail(errno, "mkdtemp"); }
    path_ = name;
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::map<std::string, std::string> fields(const std::string& line) {
    std::map<std::string, std::string> all;
    std::istringstream words(line);
    std::string word;
    words >> all[""];
    while (words >> word) {
        const auto equals = word.find('=');
        all[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
    }
    return all;
}

long long number(const std::string& line, const std::string& name) {
    const auto all = fields(line);
    const auto found = all.find(name);
    if (found == all.end()) { throw std::runtime_error("no " + name + " in: " + line); }
    return std::stoll(found->second);
}

} // namespace benchfs::test
