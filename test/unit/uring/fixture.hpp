// What the ring's tests share: a loop with a ring, a directory that is removed, a pipe, and small helpers.
#pragma once

#include "catch.hpp"

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/log.hpp"
#include "benchfs/runtime/event.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"
#include "benchfs/uring/ops.hpp"
#include "benchfs/uring/ring.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace benchfs::uring::testing {

inline ring_options small_options() {
    ring_options options;
    options.queue_size = 8;
    options.buffer_count = 0;
    return options;
}

/// A loop and its ring.
struct machine {
    runtime::loop loop;
    std::unique_ptr<uring::ring> ring;

    explicit machine(const ring_options& options = small_options()) {
        auto made = uring::ring::create(loop, options);
        REQUIRE(made);
        ring = *std::move(made);
    }
};

struct temporary_directory {
    std::string path;

    temporary_directory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "uring-test-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    [[nodiscard]] std::string operator/(std::string_view name) const { return path + "/" + std::string(name); }
};

struct pipe_pair {
    int reader = -1;
    int writer = -1;

    pipe_pair() {
        int fds[2];
        REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
        reader = fds[0];
        writer = fds[1];
    }
    ~pipe_pair() {
        ::close(reader);
        close_writer();
    }
    void put(std::string_view text) const {
        REQUIRE(::write(writer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void close_writer() {
        if (writer >= 0) { ::close(std::exchange(writer, -1)); }
    }
};

/// An empty file that has no name.
struct scratch_file {
    int fd;
    scratch_file()
        : fd(::open(std::filesystem::temp_directory_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
        REQUIRE(fd >= 0);
    }
    ~scratch_file() { ::close(fd); }
};

inline const_byte_span bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// Hides the log lines that a test provokes.
struct quiet {
    log_level before = current_log_level();
    quiet() { set_log_level(log_level::off); }
    ~quiet() { set_log_level(before); }
};

/// Reads up to `to.size()` bytes and notes what came of it; never fails itself.
inline runtime::task<status> read_into(uring::ring& r, int fd, byte_span to, result<std::size_t>& outcome,
                                       std::uint64_t offset = 0) {
    result<std::size_t> n = co_await uring::read(r, fd, to, offset);
    outcome = std::move(n);
    co_return ok();
}

/// Lets the loop go round `count` times: what is ready in the kernel by then is delivered.
inline runtime::task<void> turns(int count) {
    runtime::call_context& context = co_await runtime::current_context();
    const std::uint64_t last = context.owner->stats().turns + static_cast<std::uint64_t>(count);
    while (context.owner->stats().turns < last) { [[maybe_unused]] const status s = co_await runtime::yield(); }
}

} // namespace benchfs::uring::testing
