#include "client_worker.hpp"

#include "client_files.hpp"

#include "../common/pattern.hpp"
#include "../common/statistics.hpp"

#include "benchfs/api/benchfs.hpp"
#include "benchfs/base/buffer.hpp"
#include "benchfs/runtime/pinning.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace benchfs::bench {

namespace {

using runtime::task;
using steady = std::chrono::steady_clock;

constexpr std::size_t stretches = 5;
constexpr std::size_t small = 4096;
// The raw round trip sends one buffer again and again: the file stays in cache too.
constexpr std::size_t small_file = std::size_t{1} << 20;
// What a server needs for a client of a crowd is measured, too: its file is no large part of that.
constexpr std::size_t crowd_file = std::size_t{64} << 10;

double microseconds_since(steady::time_point start) {
    return std::chrono::duration<double, std::micro>(steady::now() - start).count();
}

struct order {
    std::string_view kind;
    std::string registry;
    int cpu = -1;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    std::string last; // the last argument as it is
};

/// One worker's measurement; `figure` is what it prints.
class measurement_run {
public:
    measurement_run(file_system& fs, const order& o, steady::time_point started)
        : fs_(fs), order_(o), started_(started) {}
    [[nodiscard]] task<status> run();
    [[nodiscard]] double figure() const { return figure_; }

private:
    [[nodiscard]] task<status> first_answer();
    [[nodiscard]] task<status> empty();
    [[nodiscard]] task<status> small_operations(bool writing);
    [[nodiscard]] task<status> bulk(bool writing);
    [[nodiscard]] task<status> bulk_pass(bool writing, file& f, byte_span piece);
    [[nodiscard]] task<status> check(file& f, byte_span piece, std::uint64_t total);
    [[nodiscard]] task<status> files();
    [[nodiscard]] task<status> wait_for_the_gate();
    [[nodiscard]] task<status> busy();
    [[nodiscard]] task<status> idle();
    /// A new file of that many bytes, all of them written in pieces of the pattern.
    [[nodiscard]] task<result<file>> filled_file(std::uint64_t bytes, byte_span piece);
    [[nodiscard]] task<status> move(bool writing, file& f, byte_span bytes, std::uint64_t offset);
    [[nodiscard]] task<status> drop(file& f);

    file_system& fs_;
    const order& order_;
    steady::time_point started_;
    std::string path_ = "/ratios-" + std::to_string(::getpid());
    double figure_ = 0;
};

task<status> measurement_run::run() {
    if (order_.kind == "first-answer") { co_return co_await first_answer(); }
    if (order_.kind == "empty") { co_return co_await empty(); }
    if (order_.kind == "write-small") { co_return co_await small_operations(true); }
    if (order_.kind == "read-small") { co_return co_await small_operations(false); }
    if (order_.kind == "write-bulk") { co_return co_await bulk(true); }
    if (order_.kind == "read-bulk") { co_return co_await bulk(false); }
    if (order_.kind == "busy" || order_.kind == "crowd") { co_return co_await busy(); }
    if (order_.kind == "idle") { co_return co_await idle(); }
    co_return co_await files();
}

task<status> measurement_run::files() {
    if (order_.kind == "make-files") { co_return co_await make_empty_files(fs_, path_, order_.first, figure_); }
    if (order_.kind == "small-files") {
        const bool one_by_one = order_.third != 0;
        co_return co_await small_files(fs_, path_, order_.first, order_.second, one_by_one, figure_);
    }
    const bool write = order_.kind == "stream-write";
    if (!write && order_.kind != "stream-read") { co_return errc::invalid_argument; }
    const stream what{write, order_.first, order_.second, order_.third};
    co_return co_await stream_file(fs_, path_, what, figure_);
}

/// Until the file exists that the last argument names: so that a crowd starts together.
task<status> measurement_run::wait_for_the_gate() {
    const auto patience = steady::now() + std::chrono::seconds(60);
    while (::access(order_.last.c_str(), F_OK) != 0) {
        if (steady::now() > patience) { co_return errc::timed_out; }
        BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(10)));
    }
    co_return ok();
}

task<status> measurement_run::first_answer() {
    const auto root = co_await fs_.stat("/");
    if (!root) { co_return root.error(); }
    figure_ = microseconds_since(started_) / 1000;
    co_return ok();
}

task<status> measurement_run::empty() {
    std::vector<double> taken;
    const std::uint64_t count = order_.first / stretches;
    // The first stretch warms up.
    for (std::size_t s = 0; s <= stretches; ++s) {
        const auto start = steady::now();
        for (std::uint64_t i = 0; i < count; ++i) { BFS_CO_CHECK(co_await fs_.ping(server_id{0})); }
        if (s > 0) { taken.push_back(microseconds_since(start) / static_cast<double>(count)); }
    }
    figure_ = median(std::move(taken));
    co_return ok();
}

task<status> measurement_run::move(bool writing, file& f, byte_span bytes, std::uint64_t offset) {
    result<std::size_t> moved = errc::io_error;
    if (writing) {
        moved = co_await f.write(bytes, offset);
    } else {
        moved = co_await f.read(bytes, offset);
    }
    if (!moved) { co_return moved.error(); }
    if (*moved != bytes.size()) { co_return errc::io_error; }
    co_return ok();
}

task<result<file>> measurement_run::filled_file(std::uint64_t bytes, byte_span piece) {
    const open_flags flags = open_flags::read_write | open_flags::create | open_flags::exclusive;
    BFS_CO_TRY(file f, co_await fs_.open(path_, flags));
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
        BFS_CO_CHECK(co_await move(true, f, piece, at));
    }
    co_return std::move(f);
}

task<status> measurement_run::drop(file& f) {
    BFS_CO_CHECK(co_await f.close());
    co_return co_await fs_.unlink(path_);
}

task<status> measurement_run::check(file& f, byte_span piece, std::uint64_t total) {
    for (std::uint64_t at = 0; at < total; at += piece.size()) {
        std::fill(piece.begin(), piece.end(), std::byte{0});
        BFS_CO_CHECK(co_await move(false, f, piece, at));
        if (first_difference(piece, 1)) { co_return errc::io_error; }
    }
    co_return ok();
}

task<status> measurement_run::small_operations(bool writing) {
    buffer block = buffer::allocate(small);
    fill_pattern(block.span(), 1);
    BFS_CO_TRY(file f, co_await filled_file(small_file, block.span()));
    std::vector<double> taken;
    const std::uint64_t count = order_.first / stretches;
    std::uint64_t at = 0;
    for (std::size_t s = 0; s <= stretches; ++s) {
        const auto start = steady::now();
        for (std::uint64_t i = 0; i < count; ++i) {
            BFS_CO_CHECK(co_await move(writing, f, block.span(), at));
            at = (at + small) % small_file;
        }
        if (s > 0) { taken.push_back(microseconds_since(start) / static_cast<double>(count)); }
    }
    figure_ = median(std::move(taken));
    BFS_CO_CHECK(co_await check(f, block.span(), small_file));
    co_return co_await drop(f);
}

task<status> measurement_run::bulk_pass(bool writing, file& f, byte_span piece) {
    for (std::uint64_t at = 0; at < order_.first; at += piece.size()) {
        BFS_CO_CHECK(co_await move(writing, f, piece, at));
    }
    co_return ok();
}

task<status> measurement_run::bulk(bool writing) {
    buffer block = buffer::allocate(order_.second);
    fill_pattern(block.span(), 1);
    std::vector<double> taken;
    // Each walk writes new chunks of a warm pool, or reads what another wrote.
    for (std::size_t walk = 0; walk <= stretches; ++walk) {
        BFS_CO_TRY(file f, co_await filled_file(writing ? 0 : order_.first, block.span()));
        const auto start = steady::now();
        BFS_CO_CHECK(co_await bulk_pass(writing, f, block.span()));
        const double mib = static_cast<double>(order_.first) / (1 << 20);
        if (walk > 0) { taken.push_back(microseconds_since(start) / mib); }
        BFS_CO_CHECK(co_await check(f, block.span(), order_.first));
        BFS_CO_CHECK(co_await drop(f));
    }
    figure_ = median(std::move(taken));
    co_return ok();
}

task<status> measurement_run::busy() {
    const std::size_t bytes = order_.kind == "crowd" ? crowd_file : small_file;
    buffer block = buffer::allocate(small);
    fill_pattern(block.span(), 1);
    BFS_CO_TRY(file f, co_await filled_file(bytes, block.span()));
    std::printf("%s\n", worker_ready);
    std::fflush(stdout);
    if (order_.kind == "crowd") { BFS_CO_CHECK(co_await wait_for_the_gate()); }
    const auto start = steady::now();
    const auto end = start + std::chrono::seconds(order_.first);
    std::uint64_t done = 0;
    std::uint64_t at = 0;
    while (steady::now() < end) {
        BFS_CO_CHECK(co_await move(done % 2 == 0, f, block.span(), at));
        at = (at + small) % bytes;
        ++done;
    }
    figure_ = static_cast<double>(done) * 1e6 / microseconds_since(start);
    BFS_CO_CHECK(co_await check(f, block.span(), bytes));
    co_return co_await drop(f);
}

task<status> measurement_run::idle() {
    const auto root = co_await fs_.stat("/");
    if (!root) { co_return root.error(); }
    std::printf("%s\n", worker_ready);
    std::fflush(stdout);
    co_return co_await runtime::sleep_for(std::chrono::seconds(order_.first));
}

int fail(const std::string& why) {
    std::printf("%s\n", why.c_str());
    return 1;
}

} // namespace

int client_worker_main(int argc, char** argv) {
    const auto started = steady::now();
    if (argc < 5) { return fail("bad arguments for a client worker"); }
    order o;
    o.kind = argv[2];
    o.registry = argv[3];
    o.cpu = static_cast<int>(std::strtol(argv[4], nullptr, 10));
    if (argc > 5) { o.first = std::strtoull(argv[5], nullptr, 10); }
    if (argc > 6) { o.second = std::strtoull(argv[6], nullptr, 10); }
    if (argc > 7) { o.third = std::strtoull(argv[7], nullptr, 10); }
    o.last = argv[argc - 1];
    std::string why;
    if (!runtime::pin_process(o.cpu, -1, why)) { return fail(why); }
    client_options options;
    options.registry_dir = o.registry;
    auto connected = mount(options, why);
    if (!connected) { return fail(why.empty() ? std::string(message(connected.error())) : why); }
    measurement_run r((*connected)->fs(), o, started);
    const status outcome = (*connected)->run(r.run());
    if (!outcome) { return fail(std::string(o.kind) + ": " + std::string(message(outcome.error()))); }
    std::printf("%.6f\n", r.figure());
    return 0;
}

} // namespace benchfs::bench
