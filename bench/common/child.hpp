// Child processes of a benchmark: a server, a second client, a raw worker.
//
// A child object owns its process: it is stopped (SIGTERM, then SIGKILL) and reaped when the object goes, and
// the kernel kills it when the benchmark itself is killed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace benchfs::bench {

/// The path of the running program.
[[nodiscard]] std::string own_program();

struct child_setup {
    /// Where standard output and error go; empty: they stay this process's own. The file is appended to.
    std::string log_file;
    /// Hand out a pipe for standard output instead; read it with child::read_all().
    bool capture = false;
};

class child {
public:
    child() = default;
    child(child&& other) noexcept;
    child& operator=(child&& other) noexcept;
    ~child();

    /// Starts a program by path. False with errno set when it could not be started (a program that does not
    /// exist included).
    [[nodiscard]] bool start(const std::vector<std::string>& arguments, const child_setup& setup = {});

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// The exit code (128 + signal for a killed one) once it has ended; reaps it.
    [[nodiscard]] std::optional<int> poll();
    /// Waits at most that long for it to end.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);
    /// Waits for its end without waking up meanwhile; nothing when a signal handler of this process ran first.
    [[nodiscard]] std::optional<int> wait_for_end();
    /// Everything it writes to the captured pipe until it closes it, or the time is over.
    [[nodiscard]] std::string read_all(std::chrono::milliseconds limit);
    /// The next line of the captured pipe, without its end; nothing when the time is over or the pipe closed.
    [[nodiscard]] std::optional<std::string> read_line(std::chrono::milliseconds limit);
    /// Asks it to stop, kills it after `patience`. The exit code, or nothing if it was not running.
    std::optional<int> stop(std::chrono::milliseconds patience = std::chrono::seconds(5));
    /// Kills it at once.
    void kill() noexcept;

private:
    pid_t pid_ = -1;
    [[nodiscard]] bool read_more(std::chrono::steady_clock::time_point end);

    std::optional<int> ended(int wait_status) noexcept;

    int pipe_ = -1;
    std::string unread_;
    std::optional<int> code_;
};

struct child_output {
    int exit_code = -1;
    std::string text;
};

/// Starts a program, gathers its standard output and waits for its end; kills it after `limit`.
[[nodiscard]] child_output run_to_end(const std::vector<std::string>& arguments,
                                      std::chrono::milliseconds limit);

/// User and system time that a process has used so far, in clock ticks; nothing when it is gone.
[[nodiscard]] std::optional<std::uint64_t> cpu_ticks(pid_t pid);

/// The memory of a process that is resident now, and the most that ever was; nothing when it is gone.
[[nodiscard]] std::optional<std::uint64_t> resident_bytes(pid_t pid);
[[nodiscard]] std::optional<std::uint64_t> resident_peak_bytes(pid_t pid);

/// A directory of one's own below $TMPDIR or /tmp, removed with everything in it at the end.
class scratch_directory {
public:
    /// `near`: make it there instead.
    explicit scratch_directory(const std::string& near = {});
    ~scratch_directory();
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;

    /// Empty when it could not be made; errno says why.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

} // namespace benchfs::bench
