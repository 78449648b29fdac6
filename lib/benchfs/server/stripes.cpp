#include "benchfs/server/stripes.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/lost_chunks.hpp"
#include "benchfs/server/removal.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr int asks_max = 16; // each was overtaken by a truncation
constexpr duration compare_pause = std::chrono::milliseconds(500);

} // namespace

void stripes::resume() {
    class last_chunks final : public storage::chunk_visitor {
    public:
        last_chunks(std::unordered_map<file_id, entry>& entries, server_id self)
            : entries_(entries), self_(self) {}
        void chunk(chunk_id id, std::uint32_t) override {
            if (id.file.home() == self_) { return; }
            entry& e = entries_[id.file];
            e.last_chunk = std::max(e.last_chunk, id.index);
        }

    private:
        std::unordered_map<file_id, entry>& entries_;
        server_id self_;
    };
    state_.notes.for_each(note_kind::striped, [&](std::uint64_t id, const_byte_span bytes) {
        std::uint64_t epoch = 0;
        if (!load(bytes, epoch)) { return; }
        entry& e = entries_[{id}];
        e.epoch = epoch;
        e.known = true;
    });
    last_chunks visitor(entries_, state_.self);
    state_.store.visit_chunks(visitor);
}

std::vector<file_id> stripes::files_of(std::optional<server_id> home) const {
    std::vector<file_id> files;
    for (const auto& [id, e] : entries_) {
        if (!home || id.home() == *home) { files.push_back(id); }
    }
    std::sort(files.begin(), files.end());
    return files;
}

task<status> stripes::compare(stripes& self) { return compare_all(self, self.files_of({})); }

status stripes::compare_with(server_id home, std::uint64_t start) {
    comparison& its = comparisons_[home];
    if (std::exchange(its.start, start) != start) { its.done = false; }
    if (its.done) { return ok(); }
    if (!std::exchange(its.running, true)) { state_.background->spawn(compare_home(*this, home)); }
    return errc::try_again;
}

task<status> stripes::compare_home(stripes& self, server_id home) {
    comparison& its = self.comparisons_[home];
    while (!its.done) {
        const std::uint64_t start = its.start;
        task<status> comparing = compare_all(self, self.files_of(home));
        const status compared = co_await std::move(comparing);
        if (!compared) { break; }      // this server stops
        its.done = its.start == start; // else the home has started again meanwhile
    }
    its.running = false;
    co_return ok();
}

task<status> stripes::compare_all(stripes& self, std::vector<file_id> files) {
    for (const file_id id : files) {
        while (self.entries_.contains(id)) {
            task<status> learning = self.learn(id);
            const status outcome = co_await std::move(learning);
            if (!undecided(outcome.error()) && outcome.error() != errc::no_server) { break; }
            BFS_CO_CHECK(co_await runtime::sleep_for(compare_pause));
        }
    }
    co_return ok();
}

task<result<rpc::register_copy::reply>> stripes::ask_home(file_id file) {
    if (state_.missing->untold(file.home())) {
        task<status> telling = state_.missing->tell(file.home());
        BFS_CO_CHECK(co_await std::move(telling));
    }
    const rpc::register_copy::request request{file.value, index(state_.self)};
    task<result<rpc::register_copy::reply>> asking =
        state_.agreed->ask<rpc::register_copy>(file.home(), request);
    co_return co_await std::move(asking);
}

/// Asks the home. ok: the entry is up to date.
task<status> stripes::learn(file_id file) {
    for (int i = 0; i < asks_max; ++i) {
        entry& e = entries_[file];
        const std::uint32_t cuts = e.cuts;
        ++e.asking;
        task<result<rpc::register_copy::reply>> asking = ask_home(file);
        const result<rpc::register_copy::reply> answer = co_await std::move(asking);
        --e.asking;
        if (e.cuts != cuts || e.cutting) {
            BFS_CO_CHECK(co_await runtime::sleep_for(std::chrono::milliseconds(1)));
            continue;
        }
        if (!answer && answer.error() != errc::stale_handle) {
            const errc why = answer.error();
            drop_if_unused(file);
            // try_again is an answer: the home is there, and cuts the file just now.
            co_return undecided(why) && why != errc::try_again ? errc::no_server : why;
        }
        if (!answer) {
            const rpc::cut_file::request gone{file.value, rpc::cut_file::removed, 0, 0};
            task<status> cutting = cut(gone);
            BFS_CO_CHECK(co_await std::move(cutting));
            co_return errc::stale_handle;
        }
        if (e.known && e.epoch != answer->epoch) {
            // Only after a power failure: the home has lost a truncation, or we have. Its word counts.
            e.epoch = 0;
            const rpc::cut_file::request now{file.value, answer->epoch, answer->size, answer->chunk_size};
            task<status> cutting = cut(now);
            BFS_CO_CHECK(co_await std::move(cutting));
        }
        e.epoch = answer->epoch;
        e.known = true;
        state_.notes.set(note_kind::striped, file.value, e.epoch);
        co_return ok();
    }
    co_return errc::try_again;
}

void stripes::drop_if_unused(file_id file) noexcept {
    const auto found = entries_.find(file);
    if (found == entries_.end()) { return; }
    const entry& e = found->second;
    if (!e.known && e.asking == 0 && e.committing == 0 && !e.cutting && e.last_chunk == 0) {
        entries_.erase(found);
    }
}

task<status> stripes::admit(file_id file, std::uint64_t epoch) {
    task<status> learning = learn(file);
    BFS_CO_CHECK(co_await std::move(learning));
    co_return admitted(file, epoch) ? errc::ok : errc::stale_epoch;
}

bool stripes::begin_commit(chunk_id chunk, std::uint64_t epoch) noexcept {
    const auto found = entries_.find(chunk.file);
    if (found == entries_.end()) { return false; }
    entry& e = found->second;
    if (!e.known || e.cutting || e.epoch != epoch) { return false; }
    ++e.committing;
    e.last_chunk = std::max(e.last_chunk, chunk.index);
    return true;
}

void stripes::end_commit(file_id file) noexcept {
    entry& e = entries_.find(file)->second;
    if (--e.committing == 0) { e.idle.set(); }
}

task<status> stripes::cut(rpc::cut_file::request what) {
    const file_id file{what.id};
    const bool removed = what.epoch == rpc::cut_file::removed;
    const auto found = entries_.find(file);
    if (found == entries_.end()) { co_return ok(); }
    entry& e = found->second;
    if (e.cutting) { co_return errc::try_again; }
    ++e.cuts;
    if (e.known && !removed && what.epoch <= e.epoch) { co_return ok(); } // a repeat
    if (!removed && (what.chunk_size == 0 || !state_.possible(file))) { co_return errc::invalid_argument; }
    e.cutting = true;
    while (e.committing != 0) {
        e.idle.reset();
        // What was begun ends; nothing new begins.
        const status waited = co_await e.idle.wait();
        if (!waited) {
            e.cutting = false;
            co_return waited;
        }
    }
    // Without the size of its chunks, which only the home knows, all of them.
    const auto step = static_cast<std::uint32_t>(what.chunk_size == 0 ? 1 : what.chunk_size);
    task<status> removing =
        cut_chunks(state_, file, step, (std::uint64_t{e.last_chunk} + 1) * step, removed ? 0 : what.size);
    const status outcome = co_await std::move(removing);
    e.cutting = false;
    if (!outcome) { co_return outcome; }
    if (!removed) {
        e.epoch = what.epoch;
        e.known = true;
        state_.notes.set(note_kind::striped, file.value, e.epoch);
        co_return ok();
    }
    state_.notes.remove(note_kind::striped, file.value);
    e.known = false;
    e.last_chunk = 0;
    drop_if_unused(file);
    co_return ok();
}

} // namespace benchfs::server
