#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/services.hpp"
#include "benchfs/storage/wal.hpp"

#include <array>

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

// Checksums of the largest transfer: one for each whole block.
constexpr std::size_t crc_max = rpc::io_max / storage::block_size;
constexpr auto crowded_pause = std::chrono::milliseconds(1);
using crc_list = std::array<std::uint32_t, crc_max>;

/// The bytes of the payload go to the slot's target, the checksums behind them to `crcs`.
task<status> fetch(server_call& call, storage::write_slot& slot, std::span<std::uint32_t> crcs) {
    if (crcs.empty()) { co_return co_await call.receive(slot.target); }
    segments all;
    for (std::size_t i = 0; i < slot.target.count(); ++i) { all.push(slot.target[i]); }
    all.push(std::as_writable_bytes(crcs));
    co_return co_await call.receive(all);
}

/// Reserves, fills, commits. `crcs` has room for what the payload carries (empty: none).
task<status> store_bytes(service_state& state, server_call& call, chunk_id chunk, std::uint32_t offset,
                         std::uint32_t size, std::span<std::uint32_t> crcs) {
    storage::write_slot slot;
    slot.chunk = chunk;
    slot.offset = offset;
    slot.size = size;
    const bool immediate = state.store.immediate();
    if (immediate) {
        BFS_CO_CHECK(state.store.prepare_now(slot));
    } else {
        // A log that fills faster than a checkpoint empties it: writers wait a little.
        const storage::wal* log = state.store.log();
        if (log != nullptr && log->crowded()) { BFS_CO_CHECK(co_await runtime::sleep_for(crowded_pause)); }
        BFS_CO_CHECK(co_await state.store.prepare(slot));
    }
    status got;
    if (crcs.empty()) {
        got = co_await call.receive(slot.target);
    } else {
        got = co_await fetch(call, slot, crcs);
    }
    if (!got) {
        state.store.abandon(slot);
        co_return got;
    }
    if (immediate) { co_return state.store.commit_now(slot); }
    co_return co_await state.store.commit(slot, crcs);
}

/// The file's size after a write in `epoch` that ended at `end`. A truncation meanwhile means another epoch,
/// and the write counts as later than it. stale_handle: the file went away.
[[nodiscard]] result<std::uint64_t> grow(service_state& state, file_id file, std::uint64_t epoch,
                                         std::uint64_t end) {
    const std::int64_t now = state.now();
    result<metadata::attributes> grown = state.names.extend(file, epoch, end, now);
    if (!grown && grown.error() == errc::stale_epoch) {
        BFS_TRY(const metadata::attributes current, state.names.stat(file));
        grown = state.names.extend(file, current.epoch, end, now);
    }
    if (!grown) { return grown.error(); }
    return grown->size;
}

/// Appends take turns per file; the entry goes with its last user.
class append_place {
public:
    append_place(service_state& state, file_id file) : state_(state), file_(file), turn_(state.appends[file]) {
        ++turn_.users;
    }
    append_place(const append_place&) = delete;
    append_place& operator=(const append_place&) = delete;
    ~append_place() {
        guard_.reset();
        if (--turn_.users == 0) { state_.appends.erase(file_); }
    }
    [[nodiscard]] runtime::mutex& lock() noexcept { return turn_.lock; }
    void hold(runtime::mutex::guard g) { guard_.emplace(std::move(g)); }

private:
    service_state& state_;
    file_id file_;
    service_state::append_turn& turn_;
    std::optional<runtime::mutex::guard> guard_;
};

task<status> append(service_state& state, server_call& call, const rpc::write_chunk::request& asked) {
    if (!state.alone()) { co_return errc::not_supported; }
    const file_id file{asked.id};
    append_place place(state, file);
    BFS_CO_TRY(auto guard, co_await place.lock().lock());
    place.hold(std::move(guard));
    BFS_CO_TRY(const metadata::attributes before, state.names.stat(file));
    if (before.is_directory()) { co_return errc::is_a_directory; }
    if (before.size + asked.size > metadata::max_file_size(before.chunk_size)) {
        co_return errc::file_too_large;
    }
    const std::uint32_t chunk_size = before.chunk_size;
    // The payload crosses chunks where it must: it is received whole into the parts of each.
    std::array<storage::write_slot, 3> slots;
    segments all;
    std::size_t parts = 0;
    status outcome;
    for (std::uint64_t at = before.size; at < before.size + asked.size && outcome; ++parts) {
        if (parts == slots.size()) {
            outcome = errc::invalid_argument;
            break;
        }
        storage::write_slot& slot = slots[parts];
        slot.chunk = {file, static_cast<std::uint32_t>(at / chunk_size)};
        slot.offset = static_cast<std::uint32_t>(at % chunk_size);
        slot.size = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(chunk_size - slot.offset, before.size + asked.size - at));
        outcome = co_await state.store.prepare(slot);
        if (!outcome) { break; }
        for (std::size_t i = 0; i < slot.target.count(); ++i) { all.push(slot.target[i]); }
        at += slot.size;
    }
    if (outcome) { outcome = co_await call.receive(all); }
    std::size_t done = 0;
    for (; done < parts && outcome; ++done) { outcome = co_await state.store.commit(slots[done], {}); }
    for (std::size_t i = done; i < parts; ++i) { state.store.abandon(slots[i]); }
    if (!outcome) {
        // What was stored lies beyond the end of the file: a later write behind it must find zeros there.
        for (std::size_t i = 0; i < done; ++i) {
            BFS_CO_CHECK(co_await state.store.truncate(slots[i].chunk, slots[i].offset));
        }
        co_return outcome;
    }
    rpc::write_chunk::reply answer;
    answer.offset = before.size;
    const result<std::uint64_t> size = grow(state, file, before.epoch, before.size + asked.size);
    if (!size) {
        // Only a file that is gone loses its chunks: in another one they hold acknowledged bytes, too.
        for (std::size_t i = 0; i < parts && size.error() == errc::stale_handle; ++i) {
            BFS_CO_CHECK(co_await state.store.remove(slots[i].chunk));
        }
        co_return size.error();
    }
    answer.size = *size;
    call.reply<rpc::write_chunk>(answer);
    co_return ok();
}

task<status> write(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::write_chunk>();
    if (asked.size == 0 || asked.size > rpc::io_max) { co_return errc::invalid_argument; }
    const std::size_t extra = call.payload_size() - asked.size;
    if (call.payload_size() < asked.size) { co_return errc::bad_frame; }
    if ((asked.how & rpc::write_chunk::append) != 0) {
        if (extra != 0) { co_return errc::bad_frame; }
        co_return co_await append(state, call, asked);
    }
    const file_id file{asked.id};
    const chunk_id chunk{file, asked.chunk};
    const bool at_home = file.home() == state.self;
    std::uint32_t chunk_size = metadata::max_chunk_size;
    std::uint64_t epoch = 0;
    if (at_home) {
        BFS_CO_TRY(const metadata::attributes now, state.names.stat(file));
        if (now.is_directory()) { co_return errc::is_a_directory; }
        chunk_size = now.chunk_size;
        epoch = now.epoch;
        const std::uint64_t end = std::uint64_t{asked.chunk} * chunk_size + asked.offset + asked.size;
        if (end > metadata::max_file_size(chunk_size)) { co_return errc::file_too_large; }
    } else if (index(file.home()) >= state.placement.servers()) {
        co_return errc::stale_handle; // no server of this cluster gave out this id
    }
    if (std::uint64_t{asked.offset} + asked.size > chunk_size) { co_return errc::invalid_argument; }
    if (extra == 0) {
        BFS_CO_CHECK(co_await store_bytes(state, call, chunk, asked.offset, asked.size, {}));
    } else {
        if (extra != 4 * std::size_t{storage::whole_blocks(asked.offset, asked.size)}) {
            co_return errc::bad_frame;
        }
        const auto crcs = std::make_unique<crc_list>();
        BFS_CO_CHECK(co_await store_bytes(state, call, chunk, asked.offset, asked.size,
                                          std::span(*crcs).first(extra / 4)));
    }
    rpc::write_chunk::reply answer;
    if (at_home) {
        const std::uint64_t start = std::uint64_t{asked.chunk} * chunk_size + asked.offset;
        answer.offset = start;
        const result<std::uint64_t> size = grow(state, file, epoch, start + asked.size);
        if (!size) {
            // A file that went away while its bytes were on their way must not leave a chunk behind.
            if (size.error() == errc::stale_handle) { BFS_CO_CHECK(co_await state.store.remove(chunk)); }
            co_return size.error();
        }
        answer.size = *size;
    }
    call.reply<rpc::write_chunk>(answer);
    co_return ok();
}

/// Sends what the slot holds, with the checksums of its whole blocks behind it.
task<void> send_checksummed(service_state& state, server_call& call, const storage::read_slot& slot,
                            rpc::read_chunk::reply& answer) {
    const auto crcs = std::make_unique<crc_list>();
    const std::size_t count = state.store.checksums(slot, *crcs);
    const_segments all;
    for (std::size_t i = 0; i < slot.source.count(); ++i) { all.push(slot.source[i]); }
    all.push(std::as_bytes(std::span(*crcs).first(count)));
    answer.checksums = static_cast<std::uint32_t>(count);
    (void)co_await call.reply_with<rpc::read_chunk>(answer, all);
}

task<status> read(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::read_chunk>();
    if (asked.size == 0 || asked.size > rpc::io_max) { co_return errc::invalid_argument; }
    const file_id file{asked.id};
    rpc::read_chunk::reply answer;
    answer.file_size = rpc::read_chunk::unknown_size;
    if (file.home() == state.self) {
        BFS_CO_TRY(const metadata::attributes now, state.names.stat(file));
        if (now.is_directory()) { co_return errc::is_a_directory; }
        answer.file_size = now.size;
        answer.epoch = now.epoch;
    }
    storage::read_slot slot;
    slot.chunk = {file, asked.chunk};
    slot.offset = asked.offset;
    slot.size = asked.size;
    if (state.store.immediate()) {
        BFS_CO_CHECK(state.store.read_now(slot));
    } else {
        BFS_CO_CHECK(co_await state.store.read(slot));
    }
    answer.valid = slot.valid;
    if (slot.valid == 0) {
        call.reply<rpc::read_chunk>(answer);
    } else if (state.store.checksummed()) {
        co_await send_checksummed(state, call, slot, answer);
    } else {
        (void)co_await call.reply_with<rpc::read_chunk>(answer, slot.source);
    }
    state.store.release(slot);
    co_return ok();
}

task<status> cut_chunk(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::cut_chunk>();
    const chunk_id chunk{{asked.id}, asked.chunk};
    BFS_CO_CHECK(co_await state.store.truncate(chunk, asked.size));
    call.reply<rpc::cut_chunk>({});
    co_return ok();
}

task<status> sync(void* context, server_call& call) {
    BFS_CO_CHECK(co_await state_of(context).store.sync());
    call.reply<rpc::sync_server>({});
    co_return ok();
}

} // namespace

void register_data_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::write_chunk::info, &state, write);
    to.handle(rpc::read_chunk::info, &state, read);
    to.handle(rpc::cut_chunk::info, &state, cut_chunk);
    to.handle(rpc::sync_server::info, &state, sync);
}

} // namespace benchfs::server
