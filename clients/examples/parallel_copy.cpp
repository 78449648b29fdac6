// Many things at once: several files written together, one copied in parallel pieces, and a time limit for the
// whole.
//
//     ./parallel_copy [registry directory]        (without one: a file system inside this process)
#include <benchfs/api/benchfs.hpp>

#include <benchfs/base/buffer.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <tuple>
#include <unistd.h>

using namespace benchfs;

namespace {

constexpr std::size_t piece = 256 * KiB;
constexpr std::size_t pieces = 16;
constexpr std::size_t at_once = 4;

/// Parameters by value, or references to what outlives the call: a coroutine runs on after its caller's
/// statement has ended.
task<result<file>> make_file(file_system& fs, std::string path, std::size_t bytes, std::byte fill) {
    const open_flags flags = open_flags::read_write | open_flags::create | open_flags::truncate;
    BFS_CO_TRY(file f, co_await fs.open(path, flags));
    buffer block = buffer::allocate(bytes);
    std::fill(block.span().begin(), block.span().end(), fill);
    BFS_CO_TRY(const std::size_t written, co_await f.write(block.span(), 0));
    if (written != bytes) { co_return errc::io_error; }
    co_return std::move(f);
}

task<status> copy_piece(file& from, file& to, std::size_t number) {
    buffer block = buffer::allocate(piece);
    const std::uint64_t offset = number * piece;
    BFS_CO_TRY(const std::size_t got, co_await from.read(block.span(), offset));
    BFS_CO_TRY(const std::size_t written, co_await to.write(block.span().first(got), offset));
    if (written != piece) { co_return errc::io_error; }
    co_return ok();
}

task<result<std::uint64_t>> copy_and_measure(file_system& fs, std::string directory) {
    // Two files at the same time; both results come back.
    auto made = co_await runtime::when_all(make_file(fs, directory + "/source", piece * pieces, std::byte{42}),
                                           make_file(fs, directory + "/target", 1, std::byte{0}));
    auto& [source, target] = made;
    if (!source) { co_return source.error(); }
    if (!target) { co_return target.error(); }

    // A lambda with captures may make tasks, but must not be one itself.
    file& from = *source;
    file& to = *target;
    auto copy = [&from, &to](std::size_t number) { return copy_piece(from, to, number); };
    BFS_CO_CHECK(co_await runtime::parallel_for(pieces, at_once, copy));

    BFS_CO_TRY(const attributes about, co_await to.stat());
    co_return about.size;
}

task<status> app(file_system& fs) {
    const std::string directory = "/example-" + std::to_string(::getpid());
    BFS_CO_CHECK(co_await fs.mkdir(directory));
    // Everything below has ten seconds; what still runs then is asked to stop, and awaited.
    const auto copied =
        co_await runtime::with_timeout(std::chrono::seconds(10), copy_and_measure(fs, directory));
    BFS_CO_CHECK(co_await fs.unlink(directory + "/source"));
    BFS_CO_CHECK(co_await fs.unlink(directory + "/target"));
    BFS_CO_CHECK(co_await fs.rmdir(directory));
    if (!copied) { co_return copied.error(); }
    std::printf("copied %llu bytes in %zu pieces, %zu at a time\n", static_cast<unsigned long long>(*copied),
                pieces, at_once);
    if (*copied != piece * pieces) { co_return errc::io_error; }
    co_return ok();
}

} // namespace

int main(int argc, char** argv) {
    std::string why;
    client_options options;
    if (argc > 1) { options.registry_dir = argv[1]; }
    auto mounted = argc > 1 ? mount(options, why) : embedded("", why);
    if (!mounted) {
        std::fprintf(stderr, "no file system: %s\n", why.c_str());
        return 1;
    }
    const status outcome = (*mounted)->run(app((*mounted)->fs()));
    if (!outcome) {
        std::fprintf(stderr, "failed: %s\n", std::string(message(outcome.error())).c_str());
        return 1;
    }
    return 0;
}
