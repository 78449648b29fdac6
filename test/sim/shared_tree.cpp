#include "shared_tree.hpp"

#include "benchfs/client/types.hpp"

#include <algorithm>
#include <set>

namespace benchfs::sim {

namespace {

/// A wrong guess about a doubtful move can close a circle: no walk to the root is longer than this.
constexpr unsigned longest_walk = 200;

} // namespace

shared_tree::shared_tree() {
    tree_object top;
    top.directory = true;
    top.alive = true;
    top.id = root_id;
    objects_.push_back(top);
}

unsigned shared_tree::add(bool directory, unsigned parent, const std::string& name) {
    tree_object made;
    made.directory = directory;
    made.held = true;
    made.parent = parent;
    made.name = name;
    objects_.push_back(made);
    return static_cast<unsigned>(objects_.size()) - 1;
}

std::string shared_tree::path(unsigned object) const {
    std::string text;
    for (unsigned steps = 0; object != root && steps < longest_walk; ++steps) {
        text.insert(0, "/" + objects_[object].name);
        object = objects_[object].parent;
    }
    return text;
}

bool shared_tree::lies_in(unsigned object, unsigned directory) const {
    for (unsigned steps = 0; object != directory && object != root && steps < longest_walk; ++steps) {
        object = objects_[object].parent;
    }
    return object == directory;
}

bool shared_tree::has_children(unsigned object) const {
    return std::ranges::any_of(living(), [&](unsigned i) { return objects_[i].parent == object; });
}

std::vector<unsigned> shared_tree::living() const {
    std::vector<unsigned> all;
    for (unsigned i = root + 1; i < objects_.size(); ++i) {
        if (objects_[i].alive) { all.push_back(i); }
    }
    return all;
}

std::vector<unsigned> shared_tree::free_ones(bool directory) const {
    std::vector<unsigned> all = living();
    std::erase_if(all, [&](unsigned i) {
        const tree_object& o = objects_[i];
        return o.held || o.directory != directory || (directory && !o.id.valid());
    });
    return all;
}

unsigned shared_tree::successor(unsigned object) const {
    while (!objects_[object].alive && objects_[object].replaced_by != 0) {
        object = objects_[object].replaced_by;
    }
    return object;
}

void shared_tree::apply(const tree_change& change) {
    tree_object& o = objects_[change.object];
    if (change.removes()) {
        o.alive = false;
        return;
    }
    if (change.makes()) { o.alive = true; }
    // A name that came into the replaced directory by its path, after the move, lies in the one that took its
    // place.
    if (change.over != 0 && change.over != change.object) {
        objects_[change.over].alive = false;
        objects_[change.over].replaced_by = change.object;
        for (const unsigned i : living()) {
            if (objects_[i].parent == change.over) { objects_[i].parent = change.object; }
        }
    }
    o.parent = successor(change.parent);
    o.name = change.name;
}

bool shared_tree::reaches_root(unsigned object) const {
    unsigned steps = 0;
    for (; object != root && objects_[object].alive && steps < longest_walk; ++steps) {
        object = objects_[object].parent;
    }
    return object == root;
}

std::string shared_tree::difference(const found_tree& there) const {
    std::set<std::string> expected;
    for (const unsigned i : living()) {
        const tree_object& o = objects_[i];
        const std::string where = path(i);
        if (!reaches_root(i)) { return "not below the root in the model: " + where; }
        expected.insert(where);
        const auto found = there.find(where);
        if (found == there.end()) { return "missing: " + where; }
        if (found->second.directory != o.directory) { return "another type: " + where; }
        if (o.id.valid() && found->second.id != o.id) { return "another id: " + where; }
    }
    for (const auto& [where, found] : there) {
        if (!expected.contains(where)) { return "not expected: " + where; }
    }
    return {};
}

std::string shared_tree::explain(const found_tree& there) {
    std::string why;
    const std::size_t count = doubts_.size();
    for (std::uint64_t happened = 0; happened < std::uint64_t{1} << count; ++happened) {
        // They were under way at once: either may have come first.
        for (const bool backwards : {false, true}) {
            shared_tree guess = *this;
            for (std::size_t k = 0; k < count; ++k) {
                const std::size_t i = backwards ? count - 1 - k : k;
                if ((happened >> i & 1) != 0) { guess.apply(doubts_[i]); }
            }
            const std::string differs = guess.difference(there);
            if (differs.empty()) {
                *this = std::move(guess);
                return {};
            }
            why += (why.empty() ? "" : " | ") + differs;
        }
    }
    return why;
}

void shared_tree::settle(const found_tree& there) {
    doubts_.clear();
    for (tree_object& o : objects_) { o.held = false; }
    for (const unsigned i : living()) {
        const auto found = there.find(path(i));
        if (!objects_[i].id.valid() && found != there.end()) { objects_[i].id = found->second.id; }
    }
}

std::string shared_tree::text() const {
    std::string all;
    for (const unsigned i : living()) { all += "model: " + path(i) + " " + id_text(objects_[i].id) + "\n"; }
    return all;
}

} // namespace benchfs::sim
