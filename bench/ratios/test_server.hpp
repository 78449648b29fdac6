// A benchfsd of one's own, with its registry in a directory that goes when it goes.
#pragma once

#include "../common/child.hpp"

#include <memory>
#include <string>
#include <vector>

namespace benchfs::bench {

class test_server {
public:
    /// Starts it with these arguments besides --registry-dir, and waits until it has announced itself. nullptr
    /// with `why` set when it ended or took over 30 s.
    [[nodiscard]] static std::unique_ptr<test_server>
    start(const std::string& program, const std::vector<std::string>& arguments, std::string& why);

    [[nodiscard]] const std::string& registry() const noexcept { return registry_; }
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
    /// From its start to its announcement.
    [[nodiscard]] double start_milliseconds() const noexcept { return start_milliseconds_; }

private:
    test_server() = default;

    scratch_directory scratch_;
    std::string registry_;
    double start_milliseconds_ = 0;
    child process_; // last: it ends before its directory goes
};

/// benchfsd beside this program, or in the build directory's daemon/; empty if there is none.
[[nodiscard]] std::string find_benchfsd();

} // namespace benchfs::bench
