// Methods about the bytes of chunks. Appends have a file of their own.
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/chunk_pieces.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/growth.hpp"
#include "benchfs/server/lost_chunks.hpp"
#include "benchfs/server/services.hpp"
#include "benchfs/server/stripes.hpp"
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
task<status> fetch(service_state& state, server_call& call, storage::write_slot& slot,
                   std::span<std::uint32_t> crcs) {
    if (slot.puts) {
        chunk_taker taker(state.store, slot, crcs);
        co_return co_await call.receive(taker);
    }
    if (crcs.empty()) { co_return co_await call.receive(slot.target); }
    segments all;
    for (std::size_t i = 0; i < slot.target.count(); ++i) { all.push(slot.target[i]); }
    all.push(std::as_writable_bytes(crcs));
    co_return co_await call.receive(all);
}

/// Where the bytes of a write belong.
struct destination {
    chunk_id chunk;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    // Of a file that lives elsewhere: the epoch in which the bytes may be stored.
    bool striped = false;
    std::uint64_t epoch = 0;
    // Of a file that lives here: the write, which goes on until the size covers its bytes.
    home_writes::entry* here = nullptr;
};

/// Before what has arrived is committed: no truncation may be under way, nor begin before the write has ended.
status begin_commit(service_state& state, const destination& to) {
    if (to.striped) { return state.striped->begin_commit(to.chunk, to.epoch) ? errc::ok : errc::stale_epoch; }
    if (!may_write_here(state, to.chunk.file)) { return errc::try_again; }
    to.here->begin(to.chunk.file);
    return ok();
}

/// Commits what has arrived.
task<status> commit(service_state& state, destination to, storage::write_slot& slot,
                    std::span<std::uint32_t> crcs) {
    status done;
    if (state.store.immediate()) {
        done = state.store.commit_now(slot);
    } else {
        done = co_await state.store.commit(slot, crcs);
    }
    if (to.striped) { state.striped->end_commit(to.chunk.file); }
    co_return done;
}

/// Reserves, fills, commits. `crcs` has room for what the payload carries (empty: none).
task<status> store_bytes(service_state& state, server_call& call, destination to,
                         std::span<std::uint32_t> crcs) {
    storage::write_slot slot;
    slot.chunk = to.chunk;
    slot.offset = to.offset;
    slot.size = to.size;
    slot.can_put = call.payload_lies_here();
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
    if (crcs.empty() && !slot.puts) {
        got = co_await call.receive(slot.target);
    } else {
        task<status> fetching = fetch(state, call, slot, crcs);
        got = co_await std::move(fetching);
    }
    if (!got) {
        state.store.abandon(slot);
        co_return got;
    }
    if (const status begun = begin_commit(state, to); !begun) {
        state.store.abandon(slot);
        co_return begun;
    }
    // The common case, one server with the memory engine, without another frame.
    if (immediate && !to.striped) { co_return state.store.commit_now(slot); }
    task<status> committing = commit(state, to, slot, crcs);
    co_return co_await std::move(committing);
}

task<status> write(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::write_chunk>();
    if (asked.size == 0 || asked.size > rpc::io_max) { co_return errc::invalid_argument; }
    const std::size_t extra = call.payload_size() - asked.size;
    if (call.payload_size() < asked.size) { co_return errc::bad_frame; }
    if ((asked.how & rpc::write_chunk::append) != 0) {
        if (extra != 0) { co_return errc::bad_frame; }
        task<status> appending = append(state, call, asked);
        co_return co_await std::move(appending);
    }
    const file_id file{asked.id};
    const chunk_id chunk{file, asked.chunk};
    const bool at_home = file.home() == state.self;
    std::uint32_t chunk_size = metadata::max_chunk_size;
    std::uint64_t epoch = 0;
    if (index(file.home()) >= state.placement.servers()) {
        co_return errc::stale_handle; // no server of this cluster gave out this id
    }
    if (cluster::place_chunk(state.placement, file, asked.chunk) != state.self) {
        co_return errc::invalid_argument;
    }
    home_writes::entry here(state.writes);
    destination to{chunk, asked.offset, asked.size, !at_home, asked.epoch, &here};
    if (at_home) {
        if (!may_write_here(state, file)) { co_return errc::try_again; }
        BFS_CO_TRY(const metadata::attributes now, state.names.stat(file));
        if (now.is_directory()) { co_return errc::is_a_directory; }
        if (now.chunk_size == 0) { co_return errc::invalid_argument; } // a symbolic link
        chunk_size = now.chunk_size;
        epoch = now.epoch;
        const std::uint64_t end = std::uint64_t{asked.chunk} * chunk_size + asked.offset + asked.size;
        if (end > metadata::max_file_size(chunk_size)) { co_return errc::file_too_large; }
    } else if (!state.striped->admitted(file, asked.epoch)) {
        task<status> admitting = state.striped->admit(file, asked.epoch);
        BFS_CO_CHECK(co_await std::move(admitting));
    }
    if (std::uint64_t{asked.offset} + asked.size > chunk_size) { co_return errc::invalid_argument; }
    if (extra == 0) {
        BFS_CO_CHECK(co_await store_bytes(state, call, to, {}));
    } else {
        if (extra != 4 * std::size_t{storage::whole_blocks(asked.offset, asked.size)}) {
            co_return errc::bad_frame;
        }
        const auto crcs = std::make_unique_for_overwrite<crc_list>();
        BFS_CO_CHECK(co_await store_bytes(state, call, to, std::span(*crcs).first(extra / 4)));
    }
    rpc::write_chunk::reply answer;
    if (at_home) {
        const std::uint64_t start = std::uint64_t{asked.chunk} * chunk_size + asked.offset;
        answer.offset = start;
        const result<metadata::attributes> grown = grow(state, file, epoch, start + asked.size);
        if (!grown) {
            // A file that went away while its bytes were on their way must not leave a chunk behind.
            if (grown.error() == errc::stale_handle) { BFS_CO_CHECK(co_await state.store.remove(chunk)); }
            co_return grown.error();
        }
        answer.size = grown->size;
        answer.epoch = grown->epoch;
    } else {
        answer.epoch = asked.epoch;
    }
    call.reply<rpc::write_chunk>(answer);
    co_return ok();
}

/// Sends what the slot holds, with the checksums of its whole blocks behind it.
task<void> send_checksummed(service_state& state, server_call& call, storage::read_slot& slot,
                            rpc::read_chunk::reply& answer) {
    const auto crcs = std::make_unique_for_overwrite<crc_list>();
    const std::size_t count = state.store.checksums(slot, *crcs);
    answer.checksums = static_cast<std::uint32_t>(count);
    if (slot.gets) {
        chunk_maker maker(state.store, slot, std::span(*crcs).first(count));
        status sent = co_await call.reply_made<rpc::read_chunk>(answer, maker, maker.bytes());
        while (!sent && sent.error() == errc::try_again) {
            const status there = co_await state.store.fetch(slot);
            if (!there) { maker.fail(); }
            sent = co_await call.go_on();
        }
        co_return;
    }
    const_segments all;
    for (std::size_t i = 0; i < slot.source.count(); ++i) { all.push(slot.source[i]); }
    all.push(std::as_bytes(std::span(*crcs).first(count)));
    (void)co_await call.reply_with<rpc::read_chunk>(answer, all);
}

/// What the answer to a read says of the file, taken before its bytes are.
status size_and_epoch(service_state& state, file_id file, rpc::read_chunk::reply& answer) {
    if (file.home() != state.self) {
        answer.file_size = rpc::read_chunk::unknown_size;
        answer.epoch = state.striped->epoch_of(file);
        return ok();
    }
    BFS_TRY(const metadata::attributes now, state.names.stat(file));
    if (now.is_directory()) { return errc::is_a_directory; }
    answer.file_size = now.size;
    answer.epoch = now.epoch;
    return ok();
}

task<status> read(void* context, server_call& call) {
    service_state& state = state_of(context);
    const auto asked = call.request<rpc::read_chunk>();
    if (asked.size == 0 || asked.size > rpc::io_max) { co_return errc::invalid_argument; }
    const file_id file{asked.id};
    const bool at_home = file.home() == state.self;
    rpc::read_chunk::reply answer;
    storage::read_slot slot;
    for (bool cut = true; cut;) {
        BFS_CO_CHECK(size_and_epoch(state, file, answer));
        slot = {};
        slot.chunk = {file, asked.chunk};
        slot.offset = asked.offset;
        slot.size = asked.size;
        slot.caller_verifies = (asked.how & rpc::read_chunk::reader_verifies) != 0;
        slot.can_get = call.makes_reply();
        if (state.store.immediate()) {
            BFS_CO_CHECK(state.store.read_now(slot));
        } else {
            BFS_CO_CHECK(co_await state.store.read(slot));
        }
        if (slot.valid == asked.size || !at_home) { break; }
        // A truncation or removal since then may have cut it: not zeros before the old end, nor before a new
        // one that others have written up to meanwhile.
        const result<metadata::attributes> now = state.names.stat(file);
        cut = !now || now->epoch != answer.epoch;
        if (cut) { state.store.release(slot); }
    }
    answer.valid = slot.valid;
    // At home the size is of before the bytes: what is missing before it is a hole.
    if (!at_home && slot.valid < asked.size && state.missing->may_lack(file.home())) {
        const short_read what{slot.chunk, asked.offset, asked.size, slot.valid};
        task<status> looking = state.missing->look(what);
        const status hole = co_await std::move(looking);
        if (!hole) {
            state.store.release(slot);
            co_return hole;
        }
    }
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
