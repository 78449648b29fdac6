// What a client of a run does with the bytes of files that it has opened.
#include "client_user.hpp"

namespace benchfs::sim {

using runtime::task;

std::optional<file> user::some_handle() {
    if (handles_.empty()) { return {}; }
    auto chosen = handles_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random().below(handles_.size())));
    return chosen->second;
}

void user::drop_handle(file_id id) {
    std::erase_if(handles_, [&](const auto& item) { return item.second.id() == id; });
}

bool user::judge_handle(std::uint32_t op, const std::string& what, file_id id, errc e) {
    s_.w.note("answer", op, static_cast<std::uint64_t>(e), id.value);
    count(e);
    if (e == errc::ok) { return true; }
    if (e == errc::stale_handle) {
        drop_handle(id);
        if (!s_.names.gave_up() && !s_.names.may_be_gone(id.value)) {
            wrong(what, op,
                  "stale handle, and nobody removed file " + std::to_string(id.counter() & 0xffffffff));
        }
    } else if (!expected(e) && !(s_.plan.full && e == errc::no_space) &&
               !(s_.plan.flips != 0 && e == errc::io_error)) {
        wrong(what, op, "unexpected error: " + std::string(name(e)));
    }
    return false;
}

std::pair<std::uint64_t, std::uint64_t> user::some_range() {
    const std::uint64_t longest = s_.w.chance(s_.plan.full ? 20 : 70) ? 2 * KiB : s_.plan.longest_io;
    const std::uint64_t size = cell_size * (1 + random().below(longest / cell_size));
    const std::uint64_t offset =
        s_.w.chance(40) ? 0 : cell_size * random().below((s_.plan.longest_file - size) / cell_size);
    return {offset, size};
}

task<void> user::write() {
    std::optional<file> f = some_handle();
    if (!f) {
        task<void> instead = open(false);
        co_await std::move(instead);
        co_return;
    }
    const auto [offset, size] = some_range();
    const std::uint32_t op = s_.next_op();
    s_.w.note("write", op, offset << 32 | size, f->id().value);
    std::vector<std::byte> bytes(size);
    data_model::fill(bytes, op, offset);
    touch(f->id());
    s_.data.begin_write(op, f->id(), offset, size, s_.w.now());
    task<result<std::size_t>> writing = f->write(bytes, offset);
    const result<std::size_t> written = co_await std::move(writing);
    // What fails may have left any part of its bytes.
    s_.data.end(op, written ? fate::done : fate::maybe, s_.w.now());
    if (!judge_handle(op, "write", f->id(), written.error())) { co_return; }
    if (*written != size) {
        wrong("write", op, "wrote " + std::to_string(*written) + " of " + std::to_string(size));
    }
}

task<void> user::read() {
    std::optional<file> f = some_handle();
    if (!f) {
        task<void> instead = open(false);
        co_await std::move(instead);
        co_return;
    }
    const auto [offset, size] = some_range();
    const std::uint32_t op = s_.next_op();
    s_.w.note("read", op, offset << 32 | size, f->id().value);
    std::vector<std::byte> bytes(size, std::byte{0xa5});
    const time_point began = s_.w.now();
    task<result<std::size_t>> reading = f->read(bytes, offset);
    const result<std::size_t> got = co_await std::move(reading);
    if (!judge_handle(op, "read", f->id(), got.error())) { co_return; }
    if (*got > size) { co_return wrong("read", op, "more bytes than were asked for"); }
    s_.data.fading = s_.names.gave_up() || s_.names.may_be_gone(f->id().value);
    const std::string why =
        s_.data.check_read(f->id(), offset, size, const_byte_span(bytes).first(*got), began, s_.w.now());
    s_.data.fading = false;
    if (!why.empty()) { wrong("read of " + std::to_string(size) + " at " + std::to_string(offset), op, why); }
}

task<void> user::cut() {
    std::optional<file> f = some_handle();
    if (!f) { co_return; }
    const std::uint64_t size = cell_size * random().below(s_.plan.longest_file / cell_size);
    const std::uint32_t op = s_.next_op();
    s_.w.note("truncate", op, size, f->id().value);
    touch(f->id());
    s_.data.begin_truncate(op, f->id(), size, s_.w.now());
    task<status> cutting = f->truncate(size);
    const status done = co_await std::move(cutting);
    s_.data.end(op, done ? fate::done : fate::maybe, s_.w.now());
    (void)judge_handle(op, "truncate", f->id(), done.error());
}

task<void> user::measure() {
    std::optional<file> f = some_handle();
    if (!f) { co_return; }
    const std::uint32_t op = s_.next_op();
    s_.w.note("size", op, 0, f->id().value);
    const time_point began = s_.w.now();
    task<result<attributes>> asking = f->stat();
    const result<attributes> found = co_await std::move(asking);
    if (!judge_handle(op, "stat", f->id(), found.error())) { co_return; }
    const std::string why = s_.data.check_size(f->id(), found->size, began, s_.w.now());
    if (!why.empty()) { wrong("stat", op, why); }
}

task<void> user::sync() {
    const std::uint32_t op = s_.next_op();
    s_.w.note("sync", op, number_);
    const time_point began = s_.w.now();
    s_.names.begin_sync(op);
    task<status> syncing = fs().sync();
    const status done = co_await std::move(syncing);
    s_.w.note("answer", op, static_cast<std::uint64_t>(done.error()));
    count(done.error());
    // Once for each loss, at most.
    const bool told = done.error() == errc::io_error && losses_heard_ < s_.losses;
    losses_heard_ += told ? 1 : 0;
    if (!done && !told && !expected(done.error())) {
        co_return wrong("sync", op, "unexpected error: " + std::string(name(done.error())));
    }
    s_.names.end_sync(op, static_cast<bool>(done));
    if (done) { s_.synced = std::max(s_.synced, began); }
}

} // namespace benchfs::sim
