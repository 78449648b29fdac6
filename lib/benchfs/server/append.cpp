// Appends: the home of a file gives each its place, stores the bytes or sends them on, and then publishes the
// size.
#include "benchfs/server/growth.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/append_place.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/peers.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

constexpr duration truncation_look = std::chrono::milliseconds(1);

/// One chunk's part of an append.
struct append_part {
    chunk_id chunk;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    const std::byte* from = nullptr;
};

task<status> store_here(service_state& state, append_part part) {
    storage::write_slot slot;
    slot.chunk = part.chunk;
    slot.offset = part.offset;
    slot.size = part.size;
    BFS_CO_CHECK(co_await state.store.prepare(slot));
    const std::byte* from = part.from;
    for (std::size_t i = 0; i < slot.target.count(); ++i) {
        std::memcpy(slot.target[i].data(), from, slot.target[i].size());
        from += slot.target[i].size();
    }
    co_return co_await state.store.commit(slot, {});
}

task<status> store_there(service_state& state, append_part part, std::uint64_t epoch) {
    const server_id to = cluster::place_chunk(state.placement, part.chunk.file, part.chunk.index);
    rpc::write_chunk::request request;
    request.id = part.chunk.file.value;
    request.epoch = epoch;
    request.chunk = part.chunk.index;
    request.offset = part.offset;
    request.size = part.size;
    const const_segments payload(const_byte_span{part.from, part.size});
    rpc::call_extra extra;
    extra.payload = &payload;
    task<result<rpc::write_chunk::reply>> writing =
        state.others->client().call<rpc::write_chunk>(to, request, extra);
    const result<rpc::write_chunk::reply> done = co_await std::move(writing);
    if (done) { co_return ok(); }
    // Nothing of it is to be seen, because the size stays: the client may try again.
    co_return undecided(done.error()) || done.error() == errc::stale_epoch ? errc::try_again : done.error();
}

/// What was stored lies beyond the end of the file: a later write behind it must find zeros there.
task<status> take_back(service_state& state, append_part part) {
    const server_id to = cluster::place_chunk(state.placement, part.chunk.file, part.chunk.index);
    if (to == state.self) { co_return co_await state.store.truncate(part.chunk, part.offset); }
    const rpc::cut_chunk::request request{part.chunk.file.value, part.chunk.index, part.offset};
    task<result<rpc::cut_chunk::reply>> cutting = state.others->call<rpc::cut_chunk>(to, request);
    (void)co_await std::move(cutting); // who is away keeps bytes of a write that failed: allowed
    co_return ok();
}

} // namespace

result<metadata::attributes> grow(service_state& state, file_id file, std::uint64_t epoch, std::uint64_t end) {
    const std::int64_t now = state.now();
    result<metadata::attributes> grown = state.names.extend(file, epoch, end, now);
    if (!grown && grown.error() == errc::stale_epoch) {
        BFS_TRY(const metadata::attributes current, state.names.stat(file));
        grown = state.names.extend(file, current.epoch, end, now);
    }
    return grown;
}

task<status> let_truncation_end(service_state& state, file_id file) {
    while (state.owed->cutting(file)) {
        // A server that stops tells others nothing more; the client tries again at its successor.
        if (state.background->stop_requested()) { co_return errc::try_again; }
        BFS_CO_CHECK(co_await runtime::sleep_for(truncation_look));
    }
    co_return ok();
}

task<status> append(service_state& state, server_call& call, rpc::write_chunk::request asked) {
    const file_id file{asked.id};
    if (file.home() != state.self) { co_return errc::invalid_argument; }
    append_place place(state, file);
    BFS_CO_TRY(auto guard, co_await place.lock().lock());
    place.hold(std::move(guard));
    if (state.owed->cutting(file)) { co_return errc::try_again; }
    BFS_CO_TRY(const metadata::attributes before, state.names.stat(file));
    if (before.is_directory()) { co_return errc::is_a_directory; }
    if (before.chunk_size == 0) { co_return errc::invalid_argument; } // a symbolic link
    const std::uint64_t end = before.size + asked.size;
    if (end > metadata::max_file_size(before.chunk_size)) { co_return errc::file_too_large; }
    // Received whole first: where a part goes may be another server.
    const auto bytes = std::make_unique<std::byte[]>(asked.size);
    const segments all(byte_span{bytes.get(), asked.size});
    BFS_CO_CHECK(co_await call.receive(all));
    std::vector<append_part> parts;
    for (std::uint64_t at = before.size; at < end;) {
        append_part part;
        part.chunk = {file, static_cast<std::uint32_t>(at / before.chunk_size)};
        part.offset = static_cast<std::uint32_t>(at % before.chunk_size);
        part.size =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(before.chunk_size - part.offset, end - at));
        part.from = bytes.get() + (at - before.size);
        at += part.size;
        parts.push_back(part);
    }
    std::size_t done = 0;
    status outcome;
    for (; done < parts.size() && outcome; ++done) {
        const append_part& part = parts[done];
        const bool here = cluster::place_chunk(state.placement, file, part.chunk.index) == state.self;
        task<status> storing = here ? store_here(state, part) : store_there(state, part, before.epoch);
        outcome = co_await std::move(storing);
    }
    if (!outcome) {
        for (std::size_t i = 0; i < done; ++i) {
            task<status> removing = take_back(state, parts[i]);
            BFS_CO_CHECK(co_await std::move(removing));
        }
        co_return outcome;
    }
    task<status> waiting = let_truncation_end(state, file);
    BFS_CO_CHECK(co_await std::move(waiting));
    const result<metadata::attributes> now = state.names.stat(file);
    if (now && now->epoch != before.epoch) { co_return errc::try_again; } // what was stored was cut off
    rpc::write_chunk::reply answer;
    answer.offset = before.size;
    const result<metadata::attributes> grown = grow(state, file, before.epoch, end);
    if (!grown) {
        // Only a file that is gone loses its chunks: in another one they hold acknowledged bytes, too.
        for (std::size_t i = 0; i < parts.size() && grown.error() == errc::stale_handle; ++i) {
            task<status> removing = take_back(state, parts[i]);
            BFS_CO_CHECK(co_await std::move(removing));
        }
        co_return grown.error();
    }
    answer.size = grown->size;
    answer.epoch = grown->epoch;
    call.reply<rpc::write_chunk>(answer);
    co_return ok();
}

} // namespace benchfs::server
