// A child process of a test: started, talked to in lines, killed, and never left behind.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace benchfs::test {

/// Owns the process: the destructor kills it if it still runs, and reaps it.
class process {
public:
    /// Starts the program with these arguments; throws std::system_error when that fails.
    explicit process(const std::vector<std::string>& command);
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    ~process();

    /// The next line of its standard output without the newline; nothing at the end of the output or after
    /// `limit`.
    [[nodiscard]] std::optional<std::string> line(std::chrono::milliseconds limit);
    /// Sends a line to its standard input; a process that is gone hears nothing.
    void say(std::string_view text);
    void signal(int number);
    /// Waits for its end; the exit status, or minus the signal that ended it. Nothing after `limit`.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    pid_t pid_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::string pending_;
    std::optional<int> ended_;
};

/// A directory of its own, gone with the object.
class temporary_directory {
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// "done calls=5 slow=0" as {"": "done", "calls": "5", "slow": "0"}.
[[nodiscard]] std::map<std::string, std::string> fields(const std::string& line);
[[nodiscard]] long long number(const std::string& line, const std::string& name);

} // namespace benchfs::test
