#include "server_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace benchfs::test {
namespace {

using steady = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& s : strings) { out.push_back(const_cast<char*>(s.c_str())); }
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> whole_environment(const std::vector<std::string>& added) {
    std::vector<std::string> all = added;
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('=') + 1);
        bool replaced = false;
        for (const std::string& a : added) { replaced = replaced || a.starts_with(name); }
        if (!replaced) { all.emplace_back(text); }
    }
    return all;
}

} // namespace

child_process::child_process(const std::vector<std::string>& command, std::filesystem::path log,
                             const std::vector<std::string>& environment)
    : log_(std::move(log)) {
    // All memory is taken before the fork: the child does nothing but system calls.
    const std::vector<std::string> variables = whole_environment(environment);
    const std::vector<char*> argv = pointers(command);
    const std::vector<char*> envp = pointers(variables);
    const int output = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output < 0) { fail(log_.c_str()); }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) { ::_exit(126); }
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    ::close(output);
    if (pid_ < 0) { fail("fork"); }
}

child_process::~child_process() {
    if (ended_) { return; }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void child_process::signal(int number) {
    if (!ended_) { ::kill(pid_, number); }
}

std::optional<int> child_process::wait(milliseconds limit) {
    const auto deadline = steady::now() + limit;
    while (!ended_) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            break;
        }
        if (steady::now() >= deadline) { return {}; }
        std::this_thread::sleep_for(milliseconds(1));
    }
    return ended_;
}

std::string child_process::output() const {
    std::ifstream file(log_);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

cluster_directory::cluster_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "benchfs-cluster-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) { fail("mkdtemp"); }
    root_ = name;
}

cluster_directory::~cluster_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

std::filesystem::path cluster_directory::next_log() { return root_ / ("log-" + std::to_string(logs_++)); }

server_process::server_process(cluster_directory& directory, const std::vector<std::string>& arguments,
                               std::string address_file)
    : directory_(directory),
      command_{program("BENCHFSD"), "--registry-dir", directory.registry()},
      address_file_(directory.registry() + "/" + std::move(address_file)) {
    command_.insert(command_.end(), arguments.begin(), arguments.end());
    launch();
}

void server_process::launch() {
    started_ = steady::now();
    child_.emplace(command_, directory_.next_log());
}

std::optional<milliseconds> server_process::wait_until_ready() {
    while (steady::now() - started_ < patience) {
        // An address file of a process before does not count, and the new one's is there with its own pid.
        std::ifstream file(address_file_);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        if (text.find("\"pid\": " + std::to_string(self().pid()) + ",") != text.npos) {
            return std::chrono::duration_cast<milliseconds>(steady::now() - started_);
        }
        if (self().wait(milliseconds(0))) { return {}; }
        std::this_thread::sleep_for(milliseconds(1));
    }
    return {};
}

void server_process::kill() {
    self().signal(SIGKILL);
    (void)self().wait();
}

bool server_process::stop() {
    self().signal(SIGTERM);
    return self().wait() == 0;
}

bool server_process::ended_by_ucx() {
    if (self().wait(milliseconds(0)) != -SIGABRT) { return false; }
    const std::string& said = self().output();
    return said.find("ucp_request.c") != std::string::npos || said.find("uct_iface.h") != std::string::npos;
}

void server_process::restart() {
    child_.reset();
    launch();
}

std::string program(const char* variable) {
    const char* value = std::getenv(variable);
    if (value == nullptr) { throw std::runtime_error(std::string(variable) + " is not set: use meson test"); }
    return value;
}

} // namespace benchfs::test
