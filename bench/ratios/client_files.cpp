#include "client_files.hpp"

#include "../common/pattern.hpp"
#include "../common/statistics.hpp"

#include "benchfs/base/buffer.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::bench {
namespace {

using runtime::task;

constexpr int passes = 5;
constexpr open_flags fresh = open_flags::read_write | open_flags::create | open_flags::exclusive;

// As mdtest names them.
std::string name_of(const std::string& folder, std::uint64_t number) {
    return folder + "/file.mdtest.0." + std::to_string(number);
}

task<status> make_one(file_system& fs, std::string path, const_byte_span bytes) {
    BFS_CO_TRY(file f, co_await fs.open(path, fresh));
    if (!bytes.empty()) {
        BFS_CO_TRY(const std::size_t written, co_await f.write(bytes, 0));
        if (written != bytes.size()) { co_return errc::io_error; }
    }
    co_return co_await f.close();
}

task<status> one_stretch(file_system& fs, const std::string& folder, std::uint64_t count, const_byte_span bytes,
                         bool one_by_one) {
    for (std::uint64_t i = 0; i < count; ++i) {
        BFS_CO_CHECK(co_await make_one(fs, name_of(folder, i), bytes));
        if (one_by_one) { BFS_CO_CHECK(co_await fs.unlink(name_of(folder, i))); }
    }
    for (std::uint64_t i = 0; i < count && !one_by_one; ++i) {
        BFS_CO_CHECK(co_await fs.unlink(name_of(folder, i)));
    }
    co_return ok();
}

/// One pass over a file, `depth` pieces under way, each lane with a piece of memory of its own.
struct pass {
    file& f;
    bool write;
    bool compare;
    std::uint64_t total;
    std::uint64_t piece;
    std::vector<buffer>& memory;
    std::uint64_t next = 0;

    task<status> lane(std::size_t number) {
        const byte_span mine = memory[number].span();
        while (next < total) {
            const std::uint64_t at = next;
            next += piece;
            std::size_t moved = 0;
            if (write) {
                BFS_CO_TRY(moved, co_await f.write(mine, at));
            } else {
                if (compare) { std::fill(mine.begin(), mine.end(), std::byte{0}); }
                BFS_CO_TRY(moved, co_await f.read(mine, at));
            }
            if (moved != piece || (compare && first_difference(mine, 1))) { co_return errc::io_error; }
        }
        co_return ok();
    }
};

task<status> run_pass(file& f, stream what, bool write, bool compare, std::vector<buffer>& memory,
                      double& figure) {
    pass p{f, write, compare, what.total, what.piece, memory};
    const double start = now_us();
    task<status> all = runtime::parallel_for(what.depth, what.depth, [&p](std::size_t i) { return p.lane(i); });
    BFS_CO_CHECK(co_await std::move(all));
    figure = (now_us() - start) * (1 << 20) / static_cast<double>(what.total);
    co_return ok();
}

} // namespace

task<status> make_empty_files(file_system& fs, std::string folder, std::uint64_t count, double& figure) {
    BFS_CO_CHECK(co_await fs.mkdir(folder));
    std::uint64_t letters = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string path = name_of(folder, i);
        letters += path.size() - folder.size() - 1;
        BFS_CO_CHECK(co_await make_one(fs, path, {}));
    }
    figure = static_cast<double>(letters) / static_cast<double>(count);
    co_return ok();
}

task<status> small_files(file_system& fs, std::string folder, std::uint64_t count, std::uint64_t bytes,
                         bool one_by_one, double& figure) {
    buffer data = buffer::allocate(bytes);
    fill_pattern(data.span(), 1);
    BFS_CO_CHECK(co_await fs.mkdir(folder));
    std::vector<double> taken;
    // The first stretch warms up.
    for (int s = 0; s <= passes; ++s) {
        const double start = now_us();
        BFS_CO_CHECK(co_await one_stretch(fs, folder, count, data.span(), one_by_one));
        if (s > 0) { taken.push_back((now_us() - start) / static_cast<double>(count)); }
    }
    figure = median(std::move(taken));
    co_return co_await fs.rmdir(folder);
}

task<status> stream_file(file_system& fs, std::string path, stream what, double& figure) {
    std::vector<buffer> memory;
    for (std::uint64_t i = 0; i < what.depth; ++i) {
        memory.push_back(buffer::allocate(what.piece));
        fill_pattern(memory.back().span(), 1);
    }
    double unused = 0;
    BFS_CO_TRY(file f, co_await fs.open(path, fresh));
    BFS_CO_CHECK(co_await run_pass(f, what, true, false, memory, what.write ? figure : unused));
    if (!what.write) { BFS_CO_CHECK(co_await run_pass(f, what, false, false, memory, figure)); }
    BFS_CO_CHECK(co_await run_pass(f, what, false, true, memory, unused));
    BFS_CO_CHECK(co_await f.close());
    co_return co_await fs.unlink(path);
}

} // namespace benchfs::bench
