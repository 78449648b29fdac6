#include "child.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace benchfs::bench {

namespace {

using steady = std::chrono::steady_clock;

int open_pipe(int (&ends)[2]) { return ::pipe2(ends, O_CLOEXEC); }

/// Runs in the new process, between fork and exec: only system calls here.
[[noreturn]] void become(char* const* arguments, int output, bool errors_too, int report, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) { ::_exit(127); }
    if (output >= 0) {
        ::dup2(output, STDOUT_FILENO);
        if (errors_too) { ::dup2(output, STDERR_FILENO); }
    }
    ::execv(arguments[0], arguments);
    const int error = errno;
    const ssize_t written = ::write(report, &error, sizeof error);
    ::_exit(written == sizeof error ? 127 : 126);
}

} // namespace

std::string own_program() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

child::child(child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      unread_(std::move(other.unread_)),
      code_(std::exchange(other.code_, std::nullopt)) {}

child& child::operator=(child&& other) noexcept {
    if (this != &other) {
        stop();
        pid_ = std::exchange(other.pid_, -1);
        if (pipe_ >= 0) { ::close(pipe_); }
        pipe_ = std::exchange(other.pipe_, -1);
        unread_ = std::move(other.unread_);
        code_ = std::exchange(other.code_, std::nullopt);
    }
    return *this;
}

child::~child() {
    stop();
    if (pipe_ >= 0) { ::close(pipe_); }
}

bool child::start(const std::vector<std::string>& arguments, const child_setup& setup) {
    std::vector<char*> argv;
    for (const std::string& a : arguments) { argv.push_back(const_cast<char*>(a.c_str())); }
    argv.push_back(nullptr);
    int output[2] = {-1, -1};
    int report[2] = {-1, -1};
    if (setup.capture && open_pipe(output) != 0) { return false; }
    if (!setup.capture && !setup.log_file.empty()) {
        output[1] = ::open(setup.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (output[1] < 0) { return false; }
    }
    const bool piped = open_pipe(report) == 0;
    const pid_t parent = ::getpid();
    const pid_t pid = piped ? ::fork() : -1;
    if (pid == 0) { become(argv.data(), output[1], !setup.capture, report[1], parent); }
    int error = pid < 0 ? errno : 0;
    if (output[1] >= 0) { ::close(output[1]); }
    if (piped) {
        ::close(report[1]);
        // Closed by a successful exec; holds the reason of a failed one.
        if (pid > 0 && ::read(report[0], &error, sizeof error) != static_cast<ssize_t>(sizeof error)) {
            error = 0;
        }
        ::close(report[0]);
    }
    if (error != 0) {
        if (output[0] >= 0) { ::close(output[0]); }
        if (pid > 0) { ::waitpid(pid, nullptr, 0); }
        errno = error;
        return false;
    }
    pid_ = pid;
    pipe_ = output[0];
    code_.reset();
    return true;
}

std::optional<int> child::poll() {
    if (pid_ < 0) { return code_; }
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) { return std::nullopt; }
    return ended(status);
}

std::optional<int> child::ended(int wait_status) noexcept {
    pid_ = -1;
    code_ = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
    return code_;
}

std::optional<int> child::wait_for_end() {
    if (pid_ < 0) { return code_; }
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) { return std::nullopt; }
    return ended(status);
}

std::optional<int> child::wait(std::chrono::milliseconds limit) {
    const auto end = steady::now() + limit;
    while (pid_ >= 0) {
        if (auto code = poll()) { return code; }
        if (steady::now() >= end) { return std::nullopt; }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return code_;
}

/// Appends what the pipe has to unread_; false when nothing will come before `end`.
bool child::read_more(steady::time_point end) {
    if (pipe_ < 0) { return false; }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady::now()).count();
    pollfd one{pipe_, POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) <= 0) { return false; }
    std::array<char, 4096> block{};
    const ssize_t n = ::read(pipe_, block.data(), block.size());
    if (n <= 0) { return false; }
    unread_.append(block.data(), static_cast<std::size_t>(n));
    return true;
}

std::string child::read_all(std::chrono::milliseconds limit) {
    const auto end = steady::now() + limit;
    while (read_more(end)) {}
    return std::exchange(unread_, {});
}

std::optional<std::string> child::read_line(std::chrono::milliseconds limit) {
    const auto end = steady::now() + limit;
    std::size_t line_end = unread_.find('\n');
    while (line_end == std::string::npos) {
        if (!read_more(end)) { return std::nullopt; }
        line_end = unread_.find('\n');
    }
    std::string line = unread_.substr(0, line_end);
    unread_.erase(0, line_end + 1);
    return line;
}

std::optional<int> child::stop(std::chrono::milliseconds patience) {
    if (pid_ < 0) { return code_; }
    ::kill(pid_, SIGTERM);
    if (auto code = wait(patience)) { return code; }
    kill();
    return code_;
}

void child::kill() noexcept {
    if (pid_ < 0) { return; }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    code_ = 128 + SIGKILL;
}

child_output run_to_end(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
    child_output out;
    child process;
    child_setup setup;
    setup.capture = true;
    if (!process.start(arguments, setup)) { return out; }
    const auto end = steady::now() + limit;
    out.text = process.read_all(limit);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady::now());
    if (auto code = process.wait(left)) {
        out.exit_code = *code;
    } else {
        process.kill();
    }
    return out;
}

std::optional<std::uint64_t> cpu_ticks(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) { return std::nullopt; }
    // The second field is the program's name in parentheses and may hold anything; utime and stime are the
    // 12th and 13th after it.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) { return std::nullopt; }
    const char* at = line.c_str() + name_end + 2;
    for (int field = 0; field < 11; ++field) {
        while (*at != ' ' && *at != '\0') { ++at; }
        if (*at == ' ') { ++at; }
    }
    char* next = nullptr;
    const std::uint64_t user = std::strtoull(at, &next, 10);
    return user + std::strtoull(next, nullptr, 10);
}

namespace {

/// A line of /proc/PID/status that counts kB.
std::optional<std::uint64_t> status_bytes(pid_t pid, std::string_view field) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(field)) { continue; }
        return std::strtoull(line.c_str() + field.size(), nullptr, 10) * 1024;
    }
    return std::nullopt;
}

} // namespace

std::optional<std::uint64_t> resident_bytes(pid_t pid) { return status_bytes(pid, "VmRSS:"); }

std::optional<std::uint64_t> resident_peak_bytes(pid_t pid) { return status_bytes(pid, "VmHWM:"); }

scratch_directory::scratch_directory(const std::string& near) {
    std::string base = near;
    if (base.empty()) {
        const char* temporary = std::getenv("TMPDIR");
        base = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
    }
    std::string pattern = base + "/benchfs-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) { path_ = pattern; }
}

scratch_directory::~scratch_directory() {
    if (path_.empty()) { return; }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace benchfs::bench
