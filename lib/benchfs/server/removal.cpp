#include "benchfs/server/removal.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/server_bits.hpp"

namespace benchfs::server {
namespace {

using runtime::task;

// Who removes a file waits so long for servers that have chunks of it; then they are told when they are back.
constexpr duration removal_wait = std::chrono::seconds(2);
// Who truncates one waits longer: until all have been told, the file does not change its size again.
constexpr duration truncation_wait = std::chrono::seconds(5);
constexpr duration crowded_look = std::chrono::milliseconds(1);

/// The chunks of one file within a range, as far as they are here.
class chunks_of_file final : public storage::chunk_visitor {
public:
    chunks_of_file(file_id file, std::uint64_t first, std::uint64_t last)
        : file_(file), first_(first), last_(last) {}
    void chunk(chunk_id id, std::uint32_t) override {
        if (id.file == file_ && id.index >= first_ && id.index <= last_) { found.push_back(id.index); }
    }
    std::vector<std::uint32_t> found;

private:
    file_id file_;
    std::uint64_t first_;
    std::uint64_t last_;
};

/// A part of a block may be cut off while somebody reads or writes there: a full store has no room for a copy
/// then. Those end soon, at the latest when their clients have not moved for some seconds.
task<status> cut_once_possible(service_state& state, chunk_id chunk, std::uint32_t keep) {
    while (true) {
        task<status> cutting = state.store.truncate(chunk, keep);
        const status cut = co_await std::move(cutting);
        if (cut.error() != errc::no_space) { co_return cut; }
        BFS_CO_CHECK(co_await runtime::sleep_for(crowded_look));
    }
}

} // namespace

task<status> cut_chunks(service_state& state, file_id file, std::uint32_t chunk_size, std::uint64_t old_size,
                        std::uint64_t size) {
    if (chunk_size == 0 || old_size <= size) { co_return ok(); }
    const std::uint64_t first = size / chunk_size;
    const std::uint64_t last = (old_size - 1) / chunk_size;
    // A sparse file may span 2^32 chunks that are not there: what is here is looked through instead.
    chunks_of_file here(file, first, last);
    const bool sparse = last - first > state.store.stats().chunks;
    if (sparse) { state.store.visit_chunks(here); }
    const std::uint64_t count = sparse ? here.found.size() : last - first + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i % 4096 == 4095) { BFS_CO_CHECK(co_await runtime::yield()); } // others get their turn
        const std::uint64_t number = sparse ? here.found[i] : first + i;
        const chunk_id chunk{file, static_cast<std::uint32_t>(number)};
        if (state.store.length(chunk) == 0) { continue; } // a hole, or another server's
        const auto keep = static_cast<std::uint32_t>(number == first ? size % chunk_size : 0);
        task<status> cutting = cut_once_possible(state, chunk, keep);
        BFS_CO_CHECK(co_await std::move(cutting));
    }
    co_return ok();
}

std::vector<std::uint64_t> cut_copies(service_state& state, file_id file, std::uint64_t epoch,
                                      std::uint64_t size, std::uint32_t chunk_size) {
    std::vector<std::uint64_t> owed;
    if (chunk_size == 0) { // a symbolic link: its target is all it has
        state.notes.remove(note_kind::target, file.value);
        return owed;
    }
    const std::vector<std::byte>* bytes = state.notes.find(note_kind::copies, file.value);
    if (bytes == nullptr) { return owed; }
    const std::vector<std::byte> servers = *bytes; // one bit for each
    for (std::uint32_t s = 0; s < servers.size() * 8; ++s) {
        if (!has_server(servers, s)) { continue; }
        owed.push_back(state.owed->add({duty_kind::cut_file, s, file.value, epoch, size, chunk_size}));
    }
    if (epoch == rpc::cut_file::removed) {
        state.notes.remove(note_kind::copies, file.value);
        state.notes.remove(note_kind::appended, file.value);
    }
    if (size == 0) { state.notes.remove(note_kind::lost, file.value); } // nothing of it is missed any more
    return owed;
}

task<status> finish_removal(service_state& state, metadata::attributes gone, std::vector<std::uint64_t> owed) {
    task<status> cutting = cut_chunks(state, gone.id, gone.chunk_size, gone.size, 0);
    BFS_CO_CHECK(co_await std::move(cutting));
    if (!owed.empty()) {
        task<status> telling = state.owed->wait(std::move(owed), removal_wait);
        (void)co_await std::move(telling);
    }
    co_return ok();
}

task<status> drop_inode(service_state& state, file_id id) {
    BFS_CO_TRY(const metadata::attributes gone, state.names.drop_inode(id));
    if (gone.is_directory()) {
        // The log of directories takes the rest. It may have been silent since: server 0 died in the middle.
        if (state.names.knows_directory(id)) {
            task<status> learning = state.dirs->fetch();
            (void)co_await std::move(learning);
        }
        co_return ok();
    }
    std::vector<std::uint64_t> owed = cut_copies(state, id, rpc::cut_file::removed, 0, gone.chunk_size);
    task<status> removing = finish_removal(state, gone, std::move(owed));
    co_return co_await std::move(removing);
}

task<status> finish_truncation(service_state& state, metadata::attributes now, std::uint64_t old_size) {
    std::vector<std::uint64_t> owed = cut_copies(state, now.id, now.epoch, now.size, now.chunk_size);
    {
        // The file must not grow before: what is cut off would show again.
        const duties::cut_here cutting_here(*state.owed, now.id);
        task<status> cutting = cut_chunks(state, now.id, now.chunk_size, old_size, now.size);
        BFS_CO_CHECK(co_await std::move(cutting));
    }
    if (owed.empty()) { co_return ok(); }
    task<status> telling = state.owed->wait(std::move(owed), truncation_wait);
    const status told = co_await std::move(telling);
    co_return told ? errc::ok : errc::outcome_unknown;
}

task<status> drop_elsewhere(service_state& state, file_id id) {
    std::vector<std::uint64_t> owed;
    owed.push_back(
        state.owed->add({duty_kind::drop_inode, static_cast<std::uint32_t>(id.home()), id.value, 0, 0, 0}));
    task<status> telling = state.owed->wait(std::move(owed), removal_wait);
    (void)co_await std::move(telling);
    co_return ok();
}

void drop_later(service_state& state, file_id id) {
    (void)state.owed->add({duty_kind::drop_inode, static_cast<std::uint32_t>(id.home()), id.value, 0, 0, 0});
}

} // namespace benchfs::server
