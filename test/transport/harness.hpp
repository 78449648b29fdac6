// What the several-process tests share: which transports, how to start a server and its clients.
#pragma once

#include "process.hpp"

#include <memory>
#include <string>
#include <vector>

namespace benchfs::test {

using namespace std::chrono_literals;

/// A line is waited for this long: a test that gets none has found a hang.
inline constexpr std::chrono::milliseconds patience = 60s;

/// The names of the table's transports that reach other processes.
[[nodiscard]] std::vector<std::string> transport_names();

/// An echo server and where to reach it.
class echo_server {
public:
    explicit echo_server(const std::string& transport, const std::vector<std::string>& more = {});
    /// A peer that connects here; it says "connected" first, which is waited for.
    [[nodiscard]] std::unique_ptr<process> client(const std::string& script,
                                                  const std::vector<std::string>& more = {});
    /// The same without waiting for the line.
    [[nodiscard]] std::unique_ptr<process> start_client(const std::string& script,
                                                        const std::vector<std::string>& more = {});
    /// Asks for figures.
    [[nodiscard]] std::string stats();
    /// Asks again and again until `name` has this value; false after `limit`.
    [[nodiscard]] bool reaches(const std::string& name, long long value, std::chrono::milliseconds limit);
    /// A clean stop: exits with 0, having said nothing unexpected.
    [[nodiscard]] bool quit();
    [[nodiscard]] process& self() noexcept { return *process_; }

private:
    temporary_directory directory_;
    std::string transport_;
    std::unique_ptr<process> process_;
};

/// Tells a client to end and waits for that.
[[nodiscard]] bool quit(process& p);

} // namespace benchfs::test
