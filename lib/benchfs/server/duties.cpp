#include "benchfs/server/duties.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/with_timeout.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/directories.hpp"
#include "benchfs/server/directory_log.hpp"
#include "benchfs/server/lost_chunks.hpp"
#include "benchfs/server/peers.hpp"
#include "benchfs/server/removal.hpp"
#include "benchfs/server/reservations.hpp"

#include <algorithm>

namespace benchfs::server {
namespace {

using runtime::task;

constexpr std::size_t duties_at_once = 16; // that one server is told of
constexpr duration first_duty_pause = std::chrono::milliseconds(5);
constexpr duration longest_duty_pause = std::chrono::seconds(1);

[[nodiscard]] bool is_of_loss(const duty& d) noexcept {
    return d.kind == duty_kind::compare_copies || d.kind == duty_kind::begins_empty;
}

/// Server 0 may have lost directories that live elsewhere. Any word of thawing makes a server fetch the table
/// and compare it with its own. Another server that has lost something does so by itself when it joins.
task<status> show_table(service_state& state, server_id to) {
    if (state.self != server_id{0}) {
        if (to != server_id{0}) { co_return ok(); }
        co_return state.dirs->joined() && !state.dirs->untold() ? errc::ok : errc::try_again;
    }
    task<result<rpc::thaw::reply>> thawing = state.agreed->ask<rpc::thaw>(to, rpc::thaw::request{0});
    const result<rpc::thaw::reply> answer = co_await std::move(thawing);
    if (!answer) {
        state.dir_log->lost_touch(to);
        co_return answer.error();
    }
    state.dir_log->has_compared(to);
    co_return answer->untold == 0 ? errc::ok : errc::try_again;
}

[[nodiscard]] bool truncates(const duty& d) noexcept {
    return d.kind == duty_kind::cut_file && d.epoch != rpc::cut_file::removed;
}

} // namespace

void duties::resume() {
    std::vector<item> all;
    state_.notes.for_each(note_kind::duty, [&](std::uint64_t number, const_byte_span bytes) {
        item one;
        one.number = number;
        if (load(bytes, one.what)) { all.push_back(one); }
    });
    for (const item& one : all) { enqueue(one.number, one.what); }
}

std::uint64_t duties::add(const duty& what) {
    const std::uint64_t number = new_number(state_.names, state_.notes, state_.self);
    state_.notes.set(note_kind::duty, number, what);
    enqueue(number, what);
    return number;
}

/// An id, or one that was given out before when all were: nothing has to be made for what is removed, and a
/// duty's number only has to be another one than those of other duties.
std::uint64_t duties::new_number(metadata::name_space& names, const note_table& notes, server_id self) {
    if (const result<file_id> fresh = names.new_id()) { return fresh->value; }
    for (std::uint64_t counter = 1;; ++counter) {
        const std::uint64_t used = file_id::make(self, counter).value;
        if (!notes.has(note_kind::duty, used)) { return used; }
    }
}

void duties::enqueue(std::uint64_t number, const duty& what) {
    if (truncates(what)) { ++cutting_[{what.id}]; }
    comparing_ += what.kind == duty_kind::compare_copies ? 1 : 0;
    const auto server = static_cast<server_id>(what.server);
    lane& to = lanes_[server];
    if (is_of_loss(what)) {
        ++telling_of_loss_;
        ++to.of_loss;
        lost_ = true;
    }
    if (what.kind == duty_kind::begins_empty) { state_.missing->must_tell(server, what.id); }
    ++pending_;
    to.items.push_back({number, what});
    if (to.running) { return; }
    to.running = true;
    state_.background->spawn(work(*this, server));
}

void duties::stage_for_all(duty_kind kind, std::uint64_t start, metadata::name_space& names, note_table& notes,
                           server_id self, std::uint32_t servers) {
    // This start's say what an earlier one's say, and those who are told compare for one start at a time.
    std::vector<std::uint64_t> older;
    notes.for_each(note_kind::duty, [&](std::uint64_t number, const_byte_span bytes) {
        duty d;
        if (load(bytes, d) && d.kind == kind) { older.push_back(number); }
    });
    for (const std::uint64_t number : older) { notes.remove(note_kind::duty, number); }
    for (std::uint32_t s = 0; s < servers; ++s) {
        if (static_cast<server_id>(s) == self) { continue; }
        notes.set(note_kind::duty, new_number(names, notes, self), duty{kind, s, start, 0, 0, 0});
    }
}

void duties::confirmed(const item& one) {
    --pending_;
    comparing_ -= one.what.kind == duty_kind::compare_copies ? 1 : 0;
    if (is_of_loss(one.what)) {
        --telling_of_loss_;
        --lanes_[static_cast<server_id>(one.what.server)].of_loss;
    }
    state_.notes.remove(note_kind::duty, one.number);
    if (truncates(one.what)) { one_cut({one.what.id}); }
    for (waiter* w : waiting_) {
        std::erase(w->left, one.number);
        if (w->left.empty()) { w->all_done.set(); }
    }
}

void duties::one_cut(file_id file) noexcept {
    const auto found = cutting_.find(file);
    if (--found->second == 0) { cutting_.erase(found); }
}

/// Until nothing is owed to this server. References into lanes_ stay valid: nothing is ever erased there.
task<status> duties::work(duties& self, server_id server) {
    lane& mine = self.lanes_[server];
    duration pause = first_duty_pause;
    while (!mine.items.empty()) {
        // First the turn of whoever added it, so that everything it changed is staged with it.
        status going = co_await runtime::yield();
        if (going) { going = self.state_.log.write(); }
        const std::size_t count = std::min(mine.items.size(), duties_at_once);
        std::vector<char> done(count, 0);
        if (going) {
            const auto one = [&](std::size_t i) { return tell(self, mine.items[i].what, done[i]); };
            task<status> telling = runtime::parallel_for(count, duties_at_once, one);
            going = co_await std::move(telling);
        }
        std::size_t told = 0;
        for (std::size_t i = count; i-- > 0;) {
            if (done[i] == 0) { continue; }
            ++told;
            self.confirmed(mine.items[i]);
            mine.items.erase(mine.items.begin() + static_cast<std::ptrdiff_t>(i));
        }
        pause = told != 0 ? first_duty_pause : std::min(pause * 2, longest_duty_pause);
        if (told == 0) {
            // Those behind them have their turn: what is refused for ever keeps nobody from being told.
            std::rotate(mine.items.begin(), mine.items.begin() + static_cast<std::ptrdiff_t>(count),
                        mine.items.end());
            going = co_await runtime::sleep_for(pause);
        }
        const runtime::call_context& context = co_await runtime::current_context();
        if (context.stop_requested()) { break; } // a restart goes on
    }
    mine.running = false;
    co_return ok();
}

/// Says it once; `done` becomes 1 when it was confirmed. Never an error: the others go on.
task<status> duties::tell(duties& self, duty what, char& done) {
    service_state& state = self.state_;
    const auto to = static_cast<server_id>(what.server);
    const bool here = to == state.self;
    status told;
    switch (what.kind) {
    case duty_kind::drop_inode: {
        task<status> dropping = here ? drop_inode(state, {what.id})
                                     : state.agreed->tell<rpc::drop_inode>(to, rpc::id_request{what.id});
        told = co_await std::move(dropping);
        break;
    }
    case duty_kind::cut_file: {
        const rpc::cut_file::request request{what.id, what.epoch, what.size, what.chunk_size};
        task<status> cutting = state.agreed->tell<rpc::cut_file>(to, request);
        told = co_await std::move(cutting);
        break;
    }
    case duty_kind::settle_entry: {
        if (here) {
            told = state.reserved->settle(what.id, what.size != 0);
        } else {
            task<status> settling =
                state.agreed->tell<rpc::settle_entry>(to, rpc::settle_entry::request{what.id, what.size});
            told = co_await std::move(settling);
        }
        break;
    }
    case duty_kind::forget_move: {
        if (here) {
            state.notes.remove(note_kind::moved, what.id);
        } else {
            task<status> forgetting = state.agreed->tell<rpc::forget_move>(to, rpc::id_request{what.id});
            told = co_await std::move(forgetting);
        }
        break;
    }
    case duty_kind::compare_copies: {
        task<status> showing = show_table(state, to);
        told = co_await std::move(showing);
        if (!told) { break; }
        const rpc::compare_copies::request request{index(state.self), what.id};
        task<status> comparing = state.agreed->tell<rpc::compare_copies>(to, request);
        told = co_await std::move(comparing);
        break;
    }
    case duty_kind::begins_empty: {
        task<status> showing = show_table(state, to);
        told = co_await std::move(showing);
        if (!told) { break; }
        task<status> telling = state.missing->tell(to);
        told = co_await std::move(telling);
        break;
    }
    }
    if (told || told.error() == errc::stale_handle) {
        done = 1;
    } else if (!undecided(told.error())) {
        BFS_LOG_WARN("server", "server %u refuses what it is told of %llx: %s; trying again", what.server,
                     static_cast<unsigned long long>(what.id), message(told.error()).data());
    }
    co_return ok();
}

task<status> duties::wait_for(waiter& w) { co_return co_await w.all_done.wait(); }

task<status> duties::wait(std::vector<std::uint64_t> numbers, duration limit) {
    std::erase_if(numbers, [&](std::uint64_t n) { return !state_.notes.has(note_kind::duty, n); });
    if (numbers.empty()) { co_return ok(); }
    waiter w;
    w.left = std::move(numbers);
    waiting_.push_back(&w);
    task<status> waiting = wait_for(w);
    task<status> bounded = runtime::with_timeout(limit, std::move(waiting));
    const status outcome = co_await std::move(bounded);
    std::erase(waiting_, &w);
    co_return outcome;
}

} // namespace benchfs::server
