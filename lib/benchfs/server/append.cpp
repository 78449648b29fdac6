// Appends: the home of a file gives each its place, stores the bytes or sends them on, and then publishes the
// size.
#include "benchfs/server/growth.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/append_place.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/peers.hpp"
#include "benchfs/server/removal.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

constexpr duration truncation_look = std::chrono::milliseconds(1);

// A note about a file covers so much more than the append that it is for: those that wait behind it need none.
constexpr std::uint64_t noted_ahead = 16 * MiB;
// As its end: an append has failed, and what it has sent may come yet.
constexpr std::uint64_t in_doubt = ~std::uint64_t{0};
// Of all appends whose bytes have not arrived or are being stored.
constexpr std::uint64_t append_bytes_max = 256 * MiB;

class append_memory {
public:
    append_memory(service_state& state, std::uint64_t bytes) noexcept : state_(state), bytes_(bytes) {
        state_.append_bytes += bytes_;
    }
    append_memory(const append_memory&) = delete;
    append_memory& operator=(const append_memory&) = delete;
    ~append_memory() { state_.append_bytes -= bytes_; }

private:
    service_state& state_;
    std::uint64_t bytes_;
};

/// One chunk's part of an append.
struct append_part {
    chunk_id chunk;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    const std::byte* from = nullptr;
};

/// Behind the end that the file has.
std::vector<append_part> parts_of(const metadata::attributes& before, const_byte_span bytes) {
    std::vector<append_part> parts;
    const std::uint64_t end = before.size + bytes.size();
    for (std::uint64_t at = before.size; at < end;) {
        append_part part;
        part.chunk = {before.id, static_cast<std::uint32_t>(at / before.chunk_size)};
        part.offset = static_cast<std::uint32_t>(at % before.chunk_size);
        part.size =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(before.chunk_size - part.offset, end - at));
        part.from = bytes.data() + (at - before.size);
        at += part.size;
        parts.push_back(part);
    }
    return parts;
}

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
    co_return done.error();
}

task<status> store_part(service_state& state, append_part part, std::uint64_t epoch) {
    const bool here = cluster::place_chunk(state.placement, part.chunk.file, part.chunk.index) == state.self;
    return here ? store_here(state, part) : store_there(state, part, epoch);
}

/// Before bytes leave for other servers. If this one dies then, they may arrive when its successor has given
/// their place to somebody else: it must know of which files that may be so.
status note_append(service_state& state, file_id file, std::uint64_t end) {
    const auto noted = state.notes.get<std::uint64_t>(note_kind::appended, file.value);
    if (noted && *noted >= end) { return ok(); }
    state.notes.set(note_kind::appended, file.value, end + noted_ahead);
    return state.log.write();
}

/// After the last append of those that came together: a start has nothing to do for this file.
void forget_append(service_state& state, file_id file) {
    const auto noted = state.notes.get<std::uint64_t>(note_kind::appended, file.value);
    if (noted && *noted != in_doubt) { state.notes.remove(note_kind::appended, file.value); }
}

/// One has failed: until the file is in another epoch, or gone, nobody else's end takes the note away.
void doubt_append(service_state& state, file_id file) {
    if (state.notes.has(note_kind::appended, file.value)) {
        state.notes.set(note_kind::appended, file.value, in_doubt);
    }
}

/// What an append that failed has stored lies behind the end of the file, where a later write must leave zeros:
/// the file is cut to the size that it has. What others have stored there, and the size does not cover yet,
/// they write again in the new epoch; and what the append has sent and has not arrived is of an old one then,
/// and refused. Where somebody else has made the file longer meanwhile, what of the append lies before the end
/// now stays.
task<status> take_back(service_state& state, file_id file, std::uint64_t end) {
    // A truncation waits, and not for long.
    while (!state.owed->cutting(file) && !state.writes.may_begin(file)) {
        if (state.background->stop_requested()) { co_return errc::try_again; }
        BFS_CO_CHECK(co_await runtime::sleep_for(truncation_look));
    }
    if (state.owed->cutting(file)) {
        // The file is in a newer epoch than the append, and the other servers are told of that: for as long as
        // one of them is away. It knows nothing of what lies here.
        BFS_CO_TRY(const metadata::attributes now, state.names.stat(file));
        const duties::cut_here cutting_here(*state.owed, file);
        task<status> cutting = cut_chunks(state, file, now.chunk_size, end, now.size);
        co_return co_await std::move(cutting);
    }
    const home_writes::gate closed(state.writes, file);
    task<status> settling = state.writes.idle(file);
    BFS_CO_CHECK(co_await std::move(settling));
    BFS_CO_TRY(const metadata::attributes cut, state.names.leap_epoch(file));
    task<status> finishing = finish_truncation(state, cut, end);
    co_return co_await std::move(finishing);
}

/// The file went away meanwhile, and with it what it had.
task<status> drop_parts(service_state& state, std::span<const append_part> parts) {
    for (const append_part& part : parts) {
        const server_id to = cluster::place_chunk(state.placement, part.chunk.file, part.chunk.index);
        if (to == state.self) { BFS_CO_CHECK(co_await state.store.remove(part.chunk)); }
    }
    co_return ok();
}

/// Ends an append that failed with `why`; what to answer. `stored`: there may be something of it.
task<status> fail(service_state& state, append_place& place, file_id file, std::span<const append_part> parts,
                  std::uint64_t end, bool stored, status why) {
    doubt_append(state, file);
    task<status> removing = take_back(state, file, end);
    const status removed = co_await std::move(removing);
    if (removed) { state.notes.remove(note_kind::appended, file.value); }
    if (!state.names.stat(file)) {
        task<status> dropping = drop_parts(state, parts);
        BFS_CO_CHECK(co_await std::move(dropping));
    }
    // What could not be taken back may be seen later; what others could not be told of yet may not.
    const bool left =
        !removed && removed.error() != errc::stale_handle && removed.error() != errc::outcome_unknown;
    if (left && stored) { note_growth(state, file, in_doubt); }
    if (place.seen() && stored) { co_return errc::outcome_unknown; }
    // Nothing of it is to be seen: the client may try again.
    const bool again = undecided(why.error()) || why.error() == errc::stale_epoch;
    co_return again ? errc::try_again : why.error();
}

} // namespace

result<metadata::attributes> grow(service_state& state, file_id file, std::uint64_t epoch, std::uint64_t end) {
    const std::int64_t now = state.now();
    result<metadata::attributes> grown = state.names.extend(file, epoch, end, now);
    if (!grown && grown.error() == errc::stale_epoch) {
        BFS_TRY(const metadata::attributes current, state.names.stat(file));
        grown = state.names.extend(file, current.epoch, end, now);
    }
    if (grown) { note_growth(state, file, grown->size); }
    return grown;
}

void note_growth(service_state& state, file_id file, std::uint64_t size) {
    if (state.appends.empty()) { return; }
    const auto found = state.appends.find(file);
    if (found == state.appends.end()) { return; }
    service_state::append_turn& turn = found->second;
    if (size <= turn.begin || turn.seen) { return; }
    turn.seen = true;
    state.requests->keep_reply(turn.session, turn.sequence, rpc::write_chunk::info, {}, errc::outcome_unknown);
}

void fence_appends(service_state& state) {
    std::vector<std::pair<file_id, std::uint64_t>> noted;
    state.notes.for_each(note_kind::appended, [&](std::uint64_t id, const_byte_span bytes) {
        std::uint64_t end = 0;
        if (load(bytes, end)) { noted.emplace_back(file_id{id}, end); }
    });
    for (const auto& [file, end] : noted) {
        state.notes.remove(note_kind::appended, file.value);
        const result<metadata::attributes> cut = state.names.leap_epoch(file);
        // Chunks here end with the file already: recovery saw to that.
        if (cut) { (void)cut_copies(state, file, cut->epoch, cut->size, cut->chunk_size); }
    }
}

bool may_write_here(const service_state& state, file_id file) noexcept {
    return !state.owed->cutting(file) && state.writes.may_begin(file);
}

task<status> append(service_state& state, server_call& call, rpc::write_chunk::request asked) {
    const file_id file{asked.id};
    if (file.home() != state.self) { co_return errc::invalid_argument; }
    // Received whole first: where a part goes may be another server, and who is slow holds up nobody.
    if (state.append_bytes + asked.size > append_bytes_max) { co_return errc::try_again; }
    const append_memory counted(state, asked.size);
    const auto bytes = std::make_unique_for_overwrite<std::byte[]>(asked.size);
    const segments all(byte_span{bytes.get(), asked.size});
    BFS_CO_CHECK(co_await call.receive(all));
    append_place place(state, file);
    BFS_CO_TRY(auto guard, co_await place.lock().lock());
    place.hold(std::move(guard));
    if (!may_write_here(state, file)) { co_return errc::try_again; }
    BFS_CO_TRY(const metadata::attributes before, state.names.stat(file));
    if (before.is_directory()) { co_return errc::is_a_directory; }
    if (before.chunk_size == 0) { co_return errc::invalid_argument; } // a symbolic link
    const std::uint64_t end = before.size + asked.size;
    if (end > metadata::max_file_size(before.chunk_size)) { co_return errc::file_too_large; }
    home_writes::entry here(state.writes);
    here.begin(file);
    const std::vector<append_part> parts = parts_of(before, {bytes.get(), asked.size});
    const bool leaves = std::ranges::any_of(parts, [&](const append_part& part) {
        return cluster::place_chunk(state.placement, file, part.chunk.index) != state.self;
    });
    // If it failed, who has something of it must be known.
    if (leaves && state.owed->may_not_cut(file)) { co_return errc::try_again; }
    if (leaves) { BFS_CO_CHECK(note_append(state, file, end)); }
    place.stores_at(before.size, call);
    status outcome;
    std::size_t tried = 0;
    for (; tried < parts.size() && outcome; ++tried) {
        task<status> storing = store_part(state, parts[tried], before.epoch);
        outcome = co_await std::move(storing);
    }
    if (!outcome) {
        here.end();
        const bool stored = tried > 1 || outcome.error() == errc::outcome_unknown;
        task<status> failing = fail(state, place, file, parts, end, stored, outcome);
        co_return co_await std::move(failing);
    }
    rpc::write_chunk::reply answer;
    answer.offset = before.size;
    place.ends();
    const result<metadata::attributes> grown = grow(state, file, before.epoch, end);
    if (!grown) {
        if (grown.error() == errc::stale_handle) {
            task<status> removing = drop_parts(state, parts);
            BFS_CO_CHECK(co_await std::move(removing));
        } else {
            doubt_append(state, file);
        }
        co_return grown.error();
    }
    if (!place.others_wait()) { forget_append(state, file); }
    answer.size = grown->size;
    answer.epoch = grown->epoch;
    call.reply<rpc::write_chunk>(answer);
    co_return ok();
}

} // namespace benchfs::server
