#include "walk.hpp"

#include "benchfs_mini.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

namespace benchfs::mini {
namespace {

using bytes = std::vector<unsigned char>;

/// Every place of every file has its own bytes, so that what is in the wrong place is seen.
bytes pattern(std::size_t size, std::uint64_t seed) {
    bytes made(size);
    std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
    for (unsigned char& byte : made) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<unsigned char>(state >> 56);
    }
    return made;
}

std::string difference(const bytes& wanted, const bytes& got) {
    const auto at = std::mismatch(wanted.begin(), wanted.end(), got.begin(), got.end());
    if (at.first == wanted.end() && at.second == got.end()) { return {}; }
    return "the bytes differ at " + std::to_string(at.first - wanted.begin()) + " of " +
           std::to_string(wanted.size());
}

class walker {
public:
    walker(int rank, const walk_options& options) : rank_(rank), options_(options) {}
    walk_failure run();

private:
    /// Runs `f`, which gives "" or what is wrong; false when something is.
    bool step(const char* name, std::size_t moved, const std::function<std::string()>& f);
    /// `f` is a call of the library: its time counts, that of making and comparing bytes does not.
    template <class F>
    [[nodiscard]] std::int64_t timed(F f) {
        const auto began = std::chrono::steady_clock::now();
        const std::int64_t value = f();
        spent_ += std::chrono::steady_clock::now() - began;
        return value;
    }
    [[nodiscard]] std::string path(unsigned file) const {
        return "/" + options_.name + "/" + std::to_string(file);
    }
    /// "" if the call gave what it should.
    [[nodiscard]] static std::string expect(std::int64_t got, std::int64_t wanted) {
        if (got == wanted) { return {}; }
        if (got < 0) { return benchfs_mini_error(); }
        return "gave " + std::to_string(got) + " instead of " + std::to_string(wanted);
    }
    [[nodiscard]] std::string write_all();
    [[nodiscard]] std::string read_all();
    [[nodiscard]] std::string write_inside();
    [[nodiscard]] std::string read_inside();
    [[nodiscard]] std::string sizes();
    [[nodiscard]] std::string remove_all();

    int rank_;
    const walk_options& options_;
    walk_failure failure_;
    std::chrono::steady_clock::duration spent_{};
};

bool walker::step(const char* name, std::size_t moved, const std::function<std::string()>& f) {
    spent_ = {};
    const std::string why = f();
    const double ms = std::chrono::duration<double, std::milli>(spent_).count();
    if (!why.empty()) {
        std::printf("server %d: %s: FAILED: %s\n", rank_, name, why.c_str());
        failure_.step = name;
        failure_.why = why;
        return false;
    }
    std::printf("server %d: %s: %.2f ms", rank_, name, ms);
    if (moved != 0) {
        std::printf(", %zu bytes, %.0f MiB/s", moved, static_cast<double>(moved) / ms / 1048.576);
    }
    std::printf("\n");
    return true;
}

std::string walker::write_all() {
    for (unsigned i = 0; i < options_.count; ++i) {
        const bytes data = pattern(options_.size, i);
        std::string why = expect(
            timed([&] { return benchfs_mini_write(path(i).c_str(), data.data(), data.size(), rank_); }), 0);
        if (!why.empty()) { return why; }
    }
    return {};
}

std::string walker::read_all() {
    for (unsigned i = 0; i < options_.count; ++i) {
        bytes got(options_.size);
        std::string why =
            expect(timed([&] { return benchfs_mini_read(path(i).c_str(), got.data(), got.size(), rank_); }),
                   static_cast<std::int64_t>(got.size()));
        if (why.empty()) { why = difference(pattern(options_.size, i), got); }
        if (!why.empty()) { return why; }
    }
    return {};
}

/// A piece that begins in the file and ends behind it.
std::string walker::write_inside() {
    const bytes piece = pattern(options_.size, 1000);
    const std::size_t at = options_.size / 2;
    return expect(
        timed([&] { return benchfs_mini_write_at(path(0).c_str(), piece.data(), piece.size(), at, rank_); }),
        0);
}

std::string walker::read_inside() {
    const std::size_t half = options_.size / 2;
    bytes wanted = pattern(options_.size, 0);
    wanted.resize(half);
    const bytes piece = pattern(options_.size, 1000);
    wanted.insert(wanted.end(), piece.begin(), piece.end());
    wanted.erase(wanted.begin(), wanted.begin() + 1);
    bytes got(wanted.size() + 100); // more than there is
    std::string why =
        expect(timed([&] { return benchfs_mini_read_at(path(0).c_str(), got.data(), got.size(), 1, rank_); }),
               static_cast<std::int64_t>(wanted.size()));
    got.resize(wanted.size());
    return why.empty() ? difference(wanted, got) : why;
}

std::string walker::sizes() {
    for (unsigned i = 0; i < options_.count; ++i) {
        const std::size_t size = i == 0 ? options_.size / 2 + options_.size : options_.size;
        std::string why = expect(timed([&] { return benchfs_mini_size(path(i).c_str(), rank_); }),
                                 static_cast<std::int64_t>(size));
        if (!why.empty()) { return why; }
    }
    return {};
}

std::string walker::remove_all() {
    for (unsigned i = 0; i < options_.count; ++i) {
        std::string why = expect(timed([&] { return benchfs_mini_remove(path(i).c_str(), rank_); }), 0);
        if (!why.empty()) { return why; }
        unsigned char byte = 0;
        if (benchfs_mini_read(path(i).c_str(), &byte, 1, rank_) != -ENOENT) {
            return "a removed file can still be read";
        }
    }
    return {};
}

walk_failure walker::run() {
    const std::size_t all = options_.size * options_.count;
    step("connect", 0, [this] { return expect(timed([this] { return benchfs_mini_connect(rank_); }), 0); }) &&
        step("write", all, [this] { return write_all(); }) &&
        step("read", all, [this] { return read_all(); }) &&
        step("write_at", options_.size, [this] { return write_inside(); }) &&
        step("read_at", options_.size, [this] { return read_inside(); }) &&
        step("size", 0, [this] { return sizes(); }) && step("remove", 0, [this] { return remove_all(); });
    return failure_;
}

} // namespace

walk_failure walk(int server_rank, const walk_options& options) { return walker(server_rank, options).run(); }

std::string likely_cause(const std::string& step) {
    if (step == "init") {
        return "UCX finds no transport or device that it can use: unset UCX_TLS and UCX_NET_DEVICES, or name "
               "some "
               "that `ucx_info -d` lists";
    }
    if (step == "start") {
        return "the server did not get into the registry: can the directory be written, is there memory, does "
               "its "
               "output above name a reason?";
    }
    if (step == "connect") {
        return "the name or port in the registry does not lead to the server: try --advertise with an address, "
               "look "
               "for a firewall, and compare UCX_TLS and UCX_NET_DEVICES of both sides; `UCX_LOG_LEVEL=info` "
               "shows "
               "what UCX chose";
    }
    if (step == "write" || step == "read" || step == "write_at" || step == "read_at") {
        return "the connection was made but carries no data of this size: try --size 64, then UCX_TLS=tcp; "
               "with "
               "shared memory look at the size of /dev/shm";
    }
    return "the server has ended or gives wrong answers: look at its output, with BENCHFS_LOG=debug";
}

} // namespace benchfs::mini
