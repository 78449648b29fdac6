// A BenchFS Mini server in a process of its own, and clients that send it whatever bytes a test likes.
#pragma once

#include "../transport/process.hpp"

#include "benchfs_mini.h"

#include "benchfs/base/bytes.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/poll_poller.hpp"
#include "benchfs/transport/ucx/stream.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace benchfs::mini::test {

using namespace std::chrono_literals;
using benchfs::test::process;

/// A line is waited for this long: a test that gets none has found a hang.
inline constexpr std::chrono::milliseconds patience = 60s;

class server {
public:
    /// Over these transports of UCX, with more arguments for `benchfs-mini server`.
    explicit server(const std::string& tls, const std::vector<std::string>& more = {});

    [[nodiscard]] const std::string& registry() const noexcept { return registry_; }
    [[nodiscard]] process& self() noexcept { return *process_; }
    /// Asks with SIGUSR1.
    [[nodiscard]] std::map<std::string, std::uint64_t> stats();
    /// Asks again and again; false after `patience`.
    [[nodiscard]] bool reaches(const std::string& name, std::uint64_t value);
    /// Reads its output until a line has this in it; "" after `patience`. It writes warnings there, too.
    [[nodiscard]] std::string line_with(const std::string& part);
    /// A clean stop with exit code 0, and its entry is gone.
    [[nodiscard]] bool quit();

private:
    benchfs::test::temporary_directory directory_;
    std::string registry_;
    std::unique_ptr<process> process_;
};

/// This process as a client of the C interface; finalized at the end.
class client {
public:
    explicit client(const server& s, unsigned timeout_ms = 10'000);
    ~client() { benchfs_mini_finalize(); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    /// Writes, reads back, compares and removes a file.
    [[nodiscard]] bool works(std::size_t size);
};

/// A stream to the server without the protocol above it.
class stranger {
public:
    explicit stranger(const server& s);
    ~stranger() { leave(); }
    /// False once the server has ended the connection.
    bool send(const_byte_span bytes);
    /// True if the server ends the connection within `patience`; what it answers meanwhile is thrown away.
    [[nodiscard]] bool is_dropped();
    void leave();

private:
    runtime::loop loop_;
    runtime::poll_poller poller_{loop_};
    std::unique_ptr<transport::ucx::worker> worker_;
    std::unique_ptr<transport::ucx::stream> stream_;
};

} // namespace benchfs::mini::test
