// A client of a run: which operation comes next, and what its errors say.
#include "client_user.hpp"

namespace benchfs::sim {
namespace {

// Deadlines and retries end everything before this. A read or write of some thirty chunks goes in several
// rounds, and each part of it has a deadline of ten seconds and may come once more: in a network that is bad
// all the time that has taken more than a minute.
constexpr duration longest_operation = std::chrono::seconds(120);

} // namespace

using runtime::task;

fate fate_of(errc e) noexcept {
    switch (e) {
    case errc::ok:
        return fate::done;
    case errc::not_supported:
    case errc::bad_handle:
    case errc::stale_handle:
    case errc::no_space:
    case errc::busy:
        return fate::none;
    case errc::timed_out: // nobody answered, and nobody was asked to change anything: else it is
                          // outcome_unknown
    case errc::peer_down:
    case errc::no_server:
        return fate::none;
    default:
        return fate::maybe;
    }
}

bool expected(errc e) noexcept {
    switch (e) {
    case errc::ok:
    case errc::not_found:
    case errc::already_exists:
    case errc::not_empty:
    case errc::stale_handle:
    case errc::peer_down:
    case errc::timed_out:
    case errc::outcome_unknown:
    case errc::no_server:
    case errc::busy:      // a server that must agree to a removal or a move does not answer
    case errc::try_again: // nor does one in time that somebody waits for
        return true;
    default:
        return false;
    }
}

bool of_links(errc e) noexcept {
    return e == errc::too_many_symlinks || e == errc::invalid_argument || e == errc::not_a_directory;
}

task<status> user::work() {
    for (unsigned i = 0; i < s_.plan.operations && !s_.failed(); ++i) {
        const duration idle = s_.w.chance(80) ? s_.w.between(1us, 500us) : s_.w.between(1ms, 10ms);
        co_await s_.w.rest(idle);
        const time_point began = s_.w.now();
        task<void> next = one();
        co_await std::move(next);
        ++s_.report.operations;
        if (s_.w.now() - began > longest_operation) {
            s_.fail("client " + std::to_string(number_) + ": an operation took longer than two minutes");
        }
    }
    co_return ok();
}

task<void> user::change_directories() {
    const std::uint64_t kind = random().below(10);
    if (kind < 4) { return make_directory(); }
    if (kind < 7) { return move_directory(); }
    if (kind < 8) { return remove_directory(); }
    return kind < 9 ? open(false) : move(some_path(false), some_path(false));
}

task<void> user::one() {
    if (s_.plan.changes_percent != 0 && s_.w.chance(s_.plan.changes_percent)) { return change_directories(); }
    const std::uint64_t kind = random().below(100);
    if (kind < 4) { return use_link(); }
    if (kind < 6) { return move_directory(); }
    if (kind < 10 && s_.plan.appends && !s_.touched) { return kind < 9 ? append() : read_log(); }
    if (kind < 28) { return read(); }
    if (kind < 52) { return write(); }
    if (kind < 56) { return make_directory(); }
    if (kind < 72) { return open(kind < 60); }
    if (kind < 76) { return look(); }
    if (kind < 78) { return use_link(); }
    if (kind < 84) { return remove(some_path(false)); }
    if (kind < 88) { return s_.plan.truncates ? cut() : read(); }
    if (kind < 91) { return measure(); }
    if (kind < 93) { return sync(); }
    if (kind < 96) { return make_directory(); }
    return kind < 97 ? remove_directory() : move(some_path(false), some_path(false));
}

void user::count(errc e) {
    if (fate_of(e) == fate::maybe && e != errc::not_found && e != errc::already_exists &&
        e != errc::not_empty && !of_links(e)) {
        ++s_.report.unknown;
    } else {
        ++s_.report.answered;
    }
}

void user::wrong(const std::string& what, std::uint32_t op, const std::string& why) {
    s_.fail("client " + std::to_string(number_) + ", operation " + std::to_string(op) + ": " + what + ": " +
            why);
}

task<status> client_task(scenario& s, unsigned client) {
    user u(s, client);
    task<status> working = u.work();
    co_return co_await std::move(working);
}

} // namespace benchfs::sim
