// What all commands of one run share: the mounted file system, the working directory, how errors are told.
#pragma once

#include "benchfs/api/benchfs.hpp"
#include "command.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace benchfs::cli {

struct session_options {
    client_options client;    // for a cluster
    bool embedded = false;    // a file system inside this process instead
    std::string embedded_dir; // its data; empty: in memory
    bool json = false;        // of every command that can
    bool interactive = false;
};

class session {
public:
    explicit session(session_options options) : options_(std::move(options)) {}
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// Mounts at the first call. False after it was reported why that is not possible.
    [[nodiscard]] bool mount();
    [[nodiscard]] bool is_mounted() const noexcept { return mounted_ != nullptr; }
    /// Only once mount() was true.
    [[nodiscard]] file_system& fs() noexcept { return mounted_->fs(); }

    /// Mounts if need be and runs a command's task to its end. Ctrl-C asks it to stop. `on_tick` is called
    /// about 20 times a second meanwhile. Gives the task's exit code.
    [[nodiscard]] int run(const std::function<task<int>(file_system&)>& start,
                          std::function<void()> on_tick = {});

    /// `word` as an absolute path, from the working directory on. Nothing stays nothing, which is no path.
    [[nodiscard]] std::string resolve(std::string_view word) const;
    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
    void change_directory(std::string absolute) { directory_ = std::move(absolute); }

    [[nodiscard]] const session_options& options() const noexcept { return options_; }
    [[nodiscard]] bool json() const noexcept { return options_.json; }

    /// Reports `command: what: why` with what to try, and gives the exit code for it.
    int failed(std::string_view command, std::string_view what, errc code, std::string_view hint = {});
    /// The same for a fault that has no code.
    int refused(std::string_view command, std::string_view why);

    /// Asks every server for an answer and names those that give none. Not from inside a task.
    void name_dead_servers();

    bool quit = false; // the shell is to end

private:
    [[nodiscard]] std::string describe_server(std::uint32_t id) const;

    session_options options_;
    std::unique_ptr<mounted> mounted_;
    std::string directory_ = "/";
};

/// The exit code that a failure with this error means.
[[nodiscard]] int exit_code_of(errc code) noexcept;

} // namespace benchfs::cli
