// What a client of a run appends to files that all clients append to, and reads of them.
#include "client_user.hpp"

namespace benchfs::sim {

using runtime::task;

task<result<file>> user::some_log(std::size_t log) {
    if (!logs_[log]) {
        constexpr open_flags how = open_flags::read_write | open_flags::append | open_flags::create;
        task<result<file>> opening = fs().open(log_path(log), how);
        BFS_CO_TRY(file opened, co_await std::move(opening));
        logs_[log] = opened;
    }
    co_return *logs_[log];
}

task<void> user::append() {
    const auto log = static_cast<std::size_t>(random().below(log_files));
    const std::uint64_t longest = s_.w.chance(70) ? 1 * KiB : s_.plan.longest_io;
    const std::uint64_t size = cell_size * (1 + random().below(longest / cell_size));
    task<result<file>> opening = some_log(log);
    const result<file> opened = co_await std::move(opening);
    const std::uint32_t op = s_.next_op();
    s_.w.note("append", op, size, log);
    const bool space_error = s_.plan.full && opened.error() == errc::no_space;
    if (!opened) {
        if (!expected(opened.error()) && !space_error) {
            wrong("opening a log", op, "unexpected error: " + std::string(name(opened.error())));
        }
        co_return;
    }
    file f = *opened;
    std::vector<std::byte> bytes(size);
    data_model::fill(bytes, op, 0);
    s_.logs[log].begin(op, number_, size);
    task<result<std::size_t>> writing = f.write(bytes, 0);
    const result<std::size_t> written = co_await std::move(writing);
    s_.w.note("answer", op, static_cast<std::uint64_t>(written.error()), written ? *written : 0);
    s_.logs[log].end(op, fate_of(written.error()), written ? *written : 0);
    count(written.error());
    const errc e = written.error();
    // What shares a block with the new bytes is read first.
    const bool damaged = s_.plan.flips != 0 && e == errc::io_error;
    const bool full = s_.plan.full && e == errc::no_space;
    if (e == errc::stale_handle || (!expected(e) && !damaged && !full)) {
        wrong("append", op, "unexpected error: " + std::string(name(e)));
    }
}

task<void> user::read_log() {
    const auto log = static_cast<std::size_t>(random().below(log_files));
    const auto [offset, size] = some_range();
    task<result<file>> opening = some_log(log);
    const result<file> opened = co_await std::move(opening);
    if (!opened) { co_return; } // append() looks at why
    file f = *opened;
    const std::uint32_t op = s_.next_op();
    s_.w.note("log", op, offset << 32 | size, log);
    std::vector<std::byte> bytes(size, std::byte{0xa5});
    task<result<std::size_t>> reading = f.read(bytes, offset);
    const result<std::size_t> got = co_await std::move(reading);
    s_.w.note("answer", op, static_cast<std::uint64_t>(got.error()), got ? *got : 0);
    count(got.error());
    if (!got) {
        const bool damaged = s_.plan.flips != 0 && got.error() == errc::io_error;
        if (!damaged && (got.error() == errc::stale_handle || !expected(got.error()))) {
            wrong("read of a log", op, "unexpected error: " + std::string(name(got.error())));
        }
        co_return;
    }
    const std::string why = s_.logs[log].check_piece(const_byte_span(bytes).first(*got));
    if (!why.empty()) {
        wrong("read of a log of " + std::to_string(size) + " at " + std::to_string(offset), op, why);
    }
}

} // namespace benchfs::sim
