// What every program of the project does with its arguments: an option_set from a command line and a file, and
// the log level from the environment. Nothing here knows about file systems.
#pragma once

#include "benchfs/base/json_options.hpp"
#include "benchfs/base/result.hpp"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace benchfs::front {

/// Offers every option of a set on a command line ("chunk_size" as --chunk-size), with --config FILE for a JSON
/// file of the same keys. Use: construct, app.parse(), apply(). App and set outlive it.
class options_on_command_line {
public:
    options_on_command_line(CLI::App& app, option_set& set);
    ~options_on_command_line();
    options_on_command_line(const options_on_command_line&) = delete;
    options_on_command_line& operator=(const options_on_command_line&) = delete;

    /// The file's values, then what the command line said, which wins. bad_config, or what kept the file from
    /// being read, with a text in `why` that names the key or the file.
    [[nodiscard]] status apply(std::string& why);

private:
    struct given;
    option_set& set_;
    std::string config_file_;
    std::vector<std::unique_ptr<given>> given_;
};

/// Sets the log level to `chosen`, or if that is empty to the value of BENCHFS_LOG, or to `otherwise`.
/// bad_config with the known names in `why`.
[[nodiscard]] status set_up_logging(const std::string& chosen, const char* otherwise, std::string& why);

/// A whole file, at most 1 MiB.
[[nodiscard]] result<std::string> read_text_file(const std::string& path, std::string& why);

} // namespace benchfs::front
