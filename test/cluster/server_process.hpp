// Child processes of the cluster tests: benchfsd and the client program, started with their output in a file,
// signalled and waited for by pid, and never left behind.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace benchfs::test {

using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__)
#define BENCHFS_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BENCHFS_TEST_SANITIZED 1
#endif
#endif
#if defined(BENCHFS_TEST_SANITIZED)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#if defined(__OPTIMIZE__)
inline constexpr bool full_speed = !sanitized;
#else
inline constexpr bool full_speed = false;
#endif
/// A limit of time in this build.
[[nodiscard]] constexpr milliseconds scaled(milliseconds limit) { return full_speed ? limit : 5 * limit; }
inline constexpr milliseconds patience = scaled(milliseconds(10000));

/// Owns a process: the destructor kills it if it still runs, and reaps it. It also dies with the test.
class child_process {
public:
    /// Starts `command` with `environment` ("NAME=value") added to the test's own; standard output and error
    /// go to the file `log`. Throws std::system_error when there is no new process.
    child_process(const std::vector<std::string>& command, std::filesystem::path log,
                  const std::vector<std::string>& environment = {});
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    void signal(int number);
    /// The exit status, or minus the signal that ended it; nothing if it still runs after `limit`.
    [[nodiscard]] std::optional<int> wait(milliseconds limit = patience);
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] std::string output() const;

private:
    pid_t pid_ = -1;
    std::filesystem::path log_;
    std::optional<int> ended_;
};

/// A directory of its own for a cluster: registry, data and logs. Gone with the object.
class cluster_directory {
public:
    cluster_directory();
    cluster_directory(const cluster_directory&) = delete;
    cluster_directory& operator=(const cluster_directory&) = delete;
    ~cluster_directory();

    [[nodiscard]] std::string path(std::string_view name) const { return (root_ / name).string(); }
    [[nodiscard]] std::string registry() const { return path("registry"); }
    /// A name for the log of the next process.
    [[nodiscard]] std::filesystem::path next_log();

private:
    std::filesystem::path root_;
    int logs_ = 0;
};

/// One benchfsd on the registry of a directory.
class server_process {
public:
    /// Starts it with `--registry-dir` and these arguments; wait_until_ready() waits for its address file.
    server_process(cluster_directory& directory, const std::vector<std::string>& arguments,
                   std::string address_file = "server.addr");

    /// How long it took from the start until the address file was there; nothing if the server ended or was
    /// not there after `patience`.
    [[nodiscard]] std::optional<milliseconds> wait_until_ready();
    [[nodiscard]] child_process& self() noexcept { return *child_; }
    /// SIGKILL, and its end.
    void kill();
    /// SIGTERM; true if it ended with 0.
    [[nodiscard]] bool stop();
    /// Whether an assertion of UCX 1.13 has ended it, as a peer that is killed can bring about; README says
    /// more. For a file system that is one more kill.
    [[nodiscard]] bool ended_by_ucx();
    /// The same command again, after the process before has ended.
    void restart();
    [[nodiscard]] const std::string& address_file() const noexcept { return address_file_; }

private:
    void launch();

    cluster_directory& directory_;
    std::vector<std::string> command_;
    std::string address_file_;
    std::chrono::steady_clock::time_point started_;
    std::optional<child_process> child_;
};

/// The value of an environment variable that the build sets; throws when it is not there.
[[nodiscard]] std::string program(const char* variable);

} // namespace benchfs::test
