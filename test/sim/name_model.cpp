#include "name_model.hpp"

#include "data_model.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

namespace benchfs::sim {
namespace {

constexpr std::size_t states_max = 4'000;

} // namespace

void name_model::begin(std::uint32_t op, name_op kind, std::size_t path, std::uint64_t other, time_point now) {
    expire(now);
    under_way_.emplace(op, operation{kind, path, other, now, time_point::max(), false});
}

/// Every state that is reached from this one by some of the operations under way.
void name_model::explore(const state& from, std::set<state>& reached) {
    std::deque<state> open{from};
    reached.insert(from);
    while (!open.empty() && reached.size() <= states_max) {
        const state s = std::move(open.front());
        open.pop_front();
        for (const auto& [number, o] : under_way_) {
            state next = s;
            if (!take(next, number, o)) { continue; }
            remember(next.names);
            if (reached.insert(next).second) { open.push_back(std::move(next)); }
        }
    }
}

/// Lets an operation take effect in a state; false if it has already, or if that would make no difference.
bool name_model::take(state& s, std::uint32_t number, const operation& o) {
    const auto begun = s.done.find(number);
    if (begun != s.done.end() && !begun->second.goes_on()) { return false; }
    operation step = o;
    if (begun != s.done.end()) {
        step.path = begun->second.id & 0xff;
        step.other = begun->second.id & ~std::uint64_t{0xff};
    }
    const slots before = s.names;
    effect e = apply(s.names, number, step);
    if (o.unknown && !e.goes_on()) { // nobody will ask what it said
        if (s.names == before) { return false; }
        e = {};
    }
    s.done.insert_or_assign(number, e);
    return true;
}

/// Whether the effect that an operation had in this state is the answer that was given; what was unseen gets
/// its id.
bool name_model::agree(state& s, const effect& e, std::uint32_t op, errc answer, std::uint64_t id) {
    if (e.goes_on()) {
        // Whoever goes round often enough gives up.
        return answer == errc::too_many_symlinks && e.went_round();
    }
    if (e.answer != answer) { return false; }
    if (answer != errc::ok || e.id == 0 || id == 0 || e.id == id) { return true; }
    if ((e.id & unseen) == 0) { return false; }
    // Whoever made it began before anybody saw it.
    const auto maker = static_cast<std::uint32_t>(e.id & ~unseen);
    const auto made = under_way_.find(maker);
    const auto seen = first_seen_.find(id);
    const bool known = seen != first_seen_.end() && !makers_[id].contains(maker);
    if (known && (made == under_way_.end() || made->second.begin > seen->second)) { return false; }
    makers_[id].insert(maker);
    const std::uint64_t was = e.id;
    for (std::uint64_t& x : s.names) {
        if (x == was) { x = id; }
    }
    for (auto& [number, other] : s.done) {
        if (number != op && other.id == was) { other.id = id; }
    }
    if (removed_.contains(was)) { removed_.insert(id); }
    return true;
}

/// The states right after this operation has taken effect. Only what may have to come before it is tried:
/// whatever can come after it is left for later answers.
std::vector<name_model::state> name_model::after(std::uint32_t op) {
    std::vector<state> reached;
    std::set<state> seen(all_.begin(), all_.end());
    std::deque<state> open(all_.begin(), all_.end());
    while (!open.empty()) {
        const state s = std::move(open.front());
        open.pop_front();
        if (const auto done = s.done.find(op); done != s.done.end()) {
            remember(s.names);
            reached.push_back(s);
            if (!done->second.goes_on()) { continue; }
        }
        for (const auto& [number, o] : under_way_) {
            state later = s;
            if (!take(later, number, o)) { continue; }
            remember(later.names);
            if (seen.insert(later).second) { open.push_back(std::move(later)); }
        }
        if (seen.size() > states_max) {
            gave_up_ = true;
            break;
        }
    }
    return reached;
}

/// Of two states with the same names, the one that has used fewer of the unknown operations can become whatever
/// the other one can.
void name_model::prune() {
    std::map<std::pair<slots, std::map<std::uint32_t, effect>>, std::vector<state>> kinds;
    for (const state& s : all_) {
        std::map<std::uint32_t, effect> known;
        for (const auto& [number, e] : s.done) {
            if (!under_way_.at(number).unknown) { known.emplace(number, e); }
        }
        std::vector<state>& same = kinds[{s.names, std::move(known)}];
        const auto needs_less = [](const state& a, const state& b) {
            return std::ranges::includes(b.done, a.done);
        };
        if (std::ranges::any_of(same, [&](const state& t) { return needs_less(t, s); })) { continue; }
        std::erase_if(same, [&](const state& t) { return needs_less(s, t); });
        same.push_back(s);
    }
    all_.clear();
    for (auto& [kind, same] : kinds) { all_.insert(same.begin(), same.end()); }
    if (all_.size() > states_max) { gave_up_ = true; }
}

std::string name_model::end(std::uint32_t op, errc answer, std::uint64_t id, time_point now) {
    expire(now);
    if (gave_up_) {
        under_way_.erase(op);
        return {};
    }
    std::set<state> next;
    for (state s : after(op)) {
        const effect e = s.done[op];
        s.done.erase(op);
        if (agree(s, e, op, answer, id)) { next.insert(std::move(s)); }
    }
    if (gave_up_) {
        under_way_.erase(op);
        return {};
    }
    if (next.empty()) { return "no order of the operations explains the answer; before it: " + describe(); }
    all_ = std::move(next);
    prune();
    if (id != 0) { first_seen_.try_emplace(id, now); }
    under_way_.erase(op);
    return {};
}

std::string name_model::none(std::uint32_t op) {
    const auto found = under_way_.find(op);
    const name_op kind = found->second.kind;
    const bool looks_only =
        kind == name_op::lookup || kind == name_op::readlink || kind == name_op::follow_lookup;
    std::set<state> kept;
    for (state s : all_) {
        const auto done = s.done.find(op);
        const bool nothing = looks_only || done == s.done.end() || done->second.goes_on();
        if (done != s.done.end()) { s.done.erase(done); }
        if (nothing) { kept.insert(std::move(s)); }
    }
    if (kept.empty() && !gave_up_) {
        return "an answer says that nothing happened, and others have seen it; " + describe();
    }
    all_ = std::move(kept);
    under_way_.erase(found);
    return {};
}

void name_model::maybe(std::uint32_t op, time_point now) {
    const auto found = under_way_.find(op);
    if (found == under_way_.end()) { return; }
    found->second.unknown = true;
    found->second.until = now + longest_echo;
    std::set<state> kept;
    for (state s : all_) {
        const auto done = s.done.find(op);
        if (done != s.done.end() && !done->second.goes_on()) { done->second = {}; }
        kept.insert(std::move(s));
    }
    all_ = std::move(kept);
}

/// Operations that can have no effect any more: what they have not done by now they never will.
void name_model::expire(time_point now) {
    if (gave_up_) { return; }
    for (auto o = under_way_.begin(); o != under_way_.end();) {
        if (!o->second.unknown || o->second.until > now) {
            ++o;
            continue;
        }
        for (state& s : after(o->first)) { all_.insert(std::move(s)); }
        std::set<state> kept;
        for (state s : all_) {
            s.done.erase(o->first);
            kept.insert(std::move(s));
        }
        all_ = std::move(kept);
        o = under_way_.erase(o);
        prune();
    }
}

bool name_model::may_be_gone(std::uint64_t id) const {
    if (removed_.contains(id)) { return true; }
    // Something under way may be removing it just now.
    return std::ranges::any_of(under_way_, [](const auto& item) {
        const name_op k = item.second.kind;
        return k == name_op::unlink || k == name_op::rename || k == name_op::wipe;
    });
}

bool name_model::may_be(std::size_t path, bool there) const {
    return gave_up_ || std::ranges::any_of(all_, [&](const state& s) { return (s.names[path] != 0) == there; });
}

void name_model::remember(const slots& names) {
    since_sync_.insert(names);
    for (auto& [op, states] : syncing_) { states.insert(names); }
}

void name_model::begin_sync(std::uint32_t op) {
    std::set<slots>& states = syncing_[op];
    for (const state& s : all_) { states.insert(s.names); }
}

void name_model::end_sync(std::uint32_t op, bool ok) {
    auto done = syncing_.extract(op);
    if (ok && done.mapped().size() < since_sync_.size()) { since_sync_ = std::move(done.mapped()); }
}

void name_model::lose_power() {
    if (gave_up_) { return; }
    std::set<state> reached;
    for (const state& s : all_) { explore(s, reached); }
    if (reached.size() > states_max) {
        gave_up_ = true;
        return;
    }
    // Answers that are on their way still arrive, whatever became of what they tell of.
    all_ = std::move(reached);
    prune();
    std::set<std::map<std::uint32_t, effect>> done;
    std::set<slots> names = since_sync_;
    for (const state& s : all_) {
        // What had taken effect may be lost, and be done again: any part of it may stay.
        if (s.done.size() > 6) {
            gave_up_ = true;
            return;
        }
        for (unsigned part = 0; part < 1U << s.done.size(); ++part) {
            std::map<std::uint32_t, effect> kept;
            unsigned bit = 0;
            for (const auto& one : s.done) {
                if ((part >> bit++ & 1) != 0) { kept.insert(one); }
            }
            done.insert(std::move(kept));
        }
        names.insert(s.names);
    }
    if (gave_up_ || done.size() * names.size() > states_max) {
        gave_up_ = true;
        return;
    }
    // What is not in every one of these states may be lost.
    for (const slots& n : names) {
        for (const std::uint64_t id : n) {
            const bool everywhere = std::ranges::all_of(
                names, [&](const slots& other) { return std::ranges::find(other, id) != other.end(); });
            if (id != 0 && !everywhere) { removed_.insert(id); }
        }
    }
    all_.clear();
    for (const slots& n : names) {
        for (const auto& d : done) { all_.insert({n, d}); }
    }
    prune();
    // A sync under way may end after this: what it makes durable is one of these then.
    for (auto& [op, states] : syncing_) { states.insert(names.begin(), names.end()); }
    since_sync_ = std::move(names);
}

std::string name_model::describe() const {
    std::string text = std::to_string(all_.size()) + " states, the first:";
    for (std::size_t p = 0; p < paths_and_links; ++p) {
        const std::uint64_t id = all_.begin()->names[p];
        if (id != 0) { text += " " + path_text(p) + "=" + std::to_string(id & 0xffffffff); }
    }
    text += "; under way:";
    for (const auto& [number, o] : under_way_) {
        text += " " + std::to_string(number) + (o.unknown ? "?" : "");
    }
    return text;
}

} // namespace benchfs::sim
