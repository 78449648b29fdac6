// The namespace against a tree of std::maps: the same random operations must give the same answers, the same
// errors included, and a second namespace that only gets the changes must end up the same.
#include "benchfs/base/prng.hpp"
#include "support.hpp"

#include <map>
#include <optional>

namespace benchfs::metadata {
namespace {

struct model_node {
    bool is_directory = false;
    bool is_symlink = false;
    std::uint64_t size = 0;
    std::uint64_t epoch = 0;
    file_id parent;
    std::map<std::string, file_id> children;
};

class model {
public:
    model() {
        nodes[root_id].is_directory = true;
        nodes[root_id].parent = root_id;
    }

    errc check_parent(file_id parent) const {
        const auto at = nodes.find(parent);
        if (at == nodes.end()) { return errc::stale_handle; }
        return at->second.is_directory ? errc::ok : errc::not_a_directory;
    }
    std::optional<file_id> child(file_id parent, const std::string& name) const {
        const auto& children = nodes.at(parent).children;
        const auto at = children.find(name);
        return at == children.end() ? std::nullopt : std::optional(at->second);
    }
    void add(file_id parent, const std::string& name, file_id id, bool is_directory) {
        REQUIRE_FALSE(nodes.contains(id)); // minted once
        REQUIRE_FALSE(dead.contains(id));
        nodes[id] = {is_directory, false, 0, 0, parent, {}};
        nodes[parent].children[name] = id;
    }
    void remove(file_id parent, const std::string& name) {
        const file_id id = nodes[parent].children.at(name);
        dead[id] = true;
        nodes.erase(id);
        nodes[parent].children.erase(name);
    }
    bool below(file_id inner, file_id outer) const {
        for (;; inner = nodes.at(inner).parent) {
            if (inner == outer) { return true; }
            if (inner == root_id) { return false; }
        }
    }
    errc check_rename(file_id from, const std::string& old_name, file_id to,
                      const std::string& new_name) const {
        if (const errc e = check_parent(from); e != errc::ok) { return e; }
        if (const errc e = check_parent(to); e != errc::ok) { return e; }
        const auto source = child(from, old_name);
        if (!source) { return errc::not_found; }
        const model_node& moved = nodes.at(*source);
        if (moved.is_directory && below(to, *source)) { return errc::invalid_argument; }
        const auto target = child(to, new_name);
        if (!target || *target == *source) { return errc::ok; }
        const model_node& over = nodes.at(*target);
        if (!moved.is_directory) { return over.is_directory ? errc::is_a_directory : errc::ok; }
        if (!over.is_directory) { return errc::not_a_directory; }
        return over.children.empty() ? errc::ok : errc::not_empty;
    }

    std::map<file_id, model_node> nodes;
    std::map<file_id, bool> dead;
};

class run {
public:
    run(std::uint64_t seed, name_hash hash)
        : random_(seed), mirror_(options(hash), nowhere_), names_(options(hash), mirror_.replay()) {}

    void step() {
        switch (random_.below(11)) {
        case 0:
            return do_open(creating);
        case 1:
            return do_open({random_.below(2) == 0, random_.below(2) == 0, random_.below(2) == 0});
        case 2:
            return do_mkdir();
        case 3:
            return do_remove(true);
        case 4:
            return do_remove(false);
        case 5:
            return do_rename();
        case 6:
            return do_truncate();
        case 7:
            return do_extend();
        case 8:
            return do_lookup();
        case 9:
            return do_symlink();
        default:
            return do_list(any_id());
        }
    }

    void check_everything() {
        std::size_t files = 0;
        for (const auto& [id, node] : model_.nodes) {
            REQUIRE(*names_.stat(id) == *mirror_.stat(id));
            REQUIRE(names_.stat(id)->size == node.size);
            REQUIRE(names_.stat(id)->epoch == node.epoch);
            if (!node.is_directory) {
                ++files;
                continue;
            }
            do_list(id);
            const auto ours = list_all(names_, id);
            const auto theirs = list_all(mirror_, id);
            REQUIRE(ours.size() == theirs.size());
            for (std::size_t i = 0; i < ours.size(); ++i) {
                REQUIRE(ours[i].name == theirs[i].name);
                REQUIRE(ours[i].id == theirs[i].id);
            }
        }
        REQUIRE(names_.counts().files == files);
        REQUIRE(names_.counts().directories == model_.nodes.size() - files);
        REQUIRE(mirror_.counts().files == files);
        // Who takes over from a log never gives out an id again.
        const auto next = mirror_.open(root_id, "after-restart", exclusively, {});
        REQUIRE(next);
        REQUIRE_FALSE(model_.nodes.contains(next->attr.id));
        REQUIRE_FALSE(model_.dead.contains(next->attr.id));
    }

private:
    static name_space_options options(name_hash hash) {
        name_space_options out = small_options();
        out.hash = hash;
        return out;
    }

    file_id any_id() {
        auto& pool = random_.below(12) == 0 ? dead_ids_ : live_ids_;
        if (pool.empty()) { return root_id; }
        return pool[random_.below(pool.size())];
    }
    std::string any_name() { return "n" + std::to_string(random_.below(6)); }
    new_inode how() {
        new_inode out;
        out.now_ns = ++now_;
        return out;
    }
    void refresh() {
        live_ids_.clear();
        dead_ids_.clear();
        for (const auto& [id, node] : model_.nodes) {
            live_ids_.push_back(id);
            if (node.is_directory) { live_ids_.insert(live_ids_.end(), 3, id); }
        }
        for (const auto& [id, yes] : model_.dead) { dead_ids_.push_back(id); }
    }

    void do_open(open_flags flags) {
        const file_id parent = any_id();
        const std::string name = any_name();
        const auto answer = names_.open(parent, name, flags, how());
        if (const errc e = model_.check_parent(parent); e != errc::ok) {
            REQUIRE(answer.error() == e);
            return;
        }
        const auto child = model_.child(parent, name);
        if (!child) {
            REQUIRE(answer.error() == (flags.create ? errc::ok : errc::not_found));
            if (!flags.create) { return; }
            REQUIRE(answer->created);
            model_.add(parent, name, answer->attr.id, false);
            return refresh();
        }
        model_node& node = model_.nodes[*child];
        errc expected = errc::ok;
        if (node.is_directory && (flags.create || flags.truncate)) { expected = errc::is_a_directory; }
        if (flags.create && flags.exclusive) { expected = errc::already_exists; }
        REQUIRE(answer.error() == expected);
        if (expected != errc::ok) { return; }
        REQUIRE(answer->attr.id == *child);
        REQUIRE_FALSE(answer->created);
        // What a symbolic link points to is somebody else's to truncate.
        REQUIRE(answer->truncated == (flags.truncate && !node.is_symlink));
        if (answer->truncated) {
            REQUIRE(answer->old_size == node.size);
            node.size = 0;
            ++node.epoch;
        }
    }

    /// Whether something new of this name was to be made; the answer must agree.
    template <class Answer>
    [[nodiscard]] bool may_be_new(file_id parent, const std::string& name, const Answer& answer) {
        if (const errc e = model_.check_parent(parent); e != errc::ok) {
            REQUIRE(answer.error() == e);
            return false;
        }
        if (model_.child(parent, name)) {
            REQUIRE(answer.error() == errc::already_exists);
            return false;
        }
        REQUIRE(answer);
        return true;
    }

    void do_mkdir() {
        const file_id parent = any_id();
        const std::string name = any_name();
        const auto answer = names_.mkdir(parent, name, how());
        if (!may_be_new(parent, name, answer)) { return; }
        model_.add(parent, name, answer->id, true);
        refresh();
    }

    void do_symlink() {
        const file_id parent = any_id();
        const std::string name = any_name();
        const std::uint64_t target_size = 1 + random_.below(511);
        const auto answer = names_.symlink(parent, name, how(), target_size);
        if (!may_be_new(parent, name, answer)) { return; }
        REQUIRE(answer->is_directory() == false);
        model_.add(parent, name, answer->id, false);
        model_.nodes[answer->id].is_symlink = true;
        model_.nodes[answer->id].size = target_size;
        refresh();
    }

    void do_remove(bool directory) {
        const file_id parent = any_id();
        const std::string name = any_name();
        const auto answer = directory ? names_.rmdir(parent, name) : names_.unlink(parent, name);
        if (const errc e = model_.check_parent(parent); e != errc::ok) {
            REQUIRE(answer.error() == e);
            return;
        }
        const auto child = model_.child(parent, name);
        errc expected = child ? errc::ok : errc::not_found;
        if (child) {
            const model_node& node = model_.nodes[*child];
            if (directory != node.is_directory) {
                expected = directory ? errc::not_a_directory : errc::is_a_directory;
            } else if (!node.children.empty()) {
                expected = errc::not_empty;
            }
        }
        REQUIRE(answer.error() == expected);
        if (expected != errc::ok) { return; }
        REQUIRE(answer->id == *child);
        REQUIRE(answer->size == model_.nodes[*child].size);
        model_.remove(parent, name);
        refresh();
    }

    void do_rename() {
        const file_id from = any_id();
        const file_id to = random_.below(3) == 0 ? from : any_id();
        const std::string old_name = any_name();
        const std::string new_name = any_name();
        const auto answer = names_.rename(from, old_name, to, new_name, ++now_);
        const errc expected = model_.check_rename(from, old_name, to, new_name);
        REQUIRE(answer.error() == expected);
        if (expected != errc::ok) { return; }
        const file_id moved = *model_.child(from, old_name);
        REQUIRE(answer->moved.id == moved);
        const auto target = model_.child(to, new_name);
        const bool replaces = target && *target != moved;
        REQUIRE(answer->replaced.has_value() == replaces);
        if (replaces) {
            REQUIRE(answer->replaced->id == *target);
            model_.remove(to, new_name);
        }
        model_.nodes[from].children.erase(old_name);
        model_.nodes[to].children[new_name] = moved;
        model_.nodes[moved].parent = to;
        refresh();
    }

    errc check_file(file_id id) {
        if (!model_.nodes.contains(id)) { return errc::stale_handle; }
        if (model_.nodes[id].is_symlink) { return errc::invalid_argument; }
        return model_.nodes[id].is_directory ? errc::is_a_directory : errc::ok;
    }

    void do_truncate() {
        const file_id id = any_id();
        const std::uint64_t size = random_.below(10000);
        const auto answer = names_.truncate(id, size, ++now_);
        const errc expected = check_file(id);
        REQUIRE(answer.error() == expected);
        if (expected != errc::ok) { return; }
        REQUIRE(answer->old_size == model_.nodes[id].size);
        model_.nodes[id].size = size;
        ++model_.nodes[id].epoch;
    }

    void do_extend() {
        const file_id id = any_id();
        errc expected = check_file(id);
        const std::uint64_t now = expected == errc::ok ? model_.nodes[id].epoch : 0;
        const std::uint64_t epoch = now + 1 - random_.below(now + 2); // 0 .. now + 1
        if (expected == errc::ok && epoch != now) { expected = errc::stale_epoch; }
        const std::uint64_t end = random_.below(10000);
        const auto answer = names_.extend(id, epoch, end, ++now_);
        REQUIRE(answer.error() == expected);
        if (expected != errc::ok) { return; }
        model_.nodes[id].size = std::max(model_.nodes[id].size, end);
        REQUIRE(answer->size == model_.nodes[id].size);
    }

    void do_lookup() {
        const file_id parent = any_id();
        const std::string name = any_name();
        const auto answer = names_.lookup(parent, name);
        errc expected = model_.check_parent(parent);
        if (expected == errc::ok && !model_.child(parent, name)) { expected = errc::not_found; }
        REQUIRE(answer.error() == expected);
        if (answer) { REQUIRE(answer->id == *model_.child(parent, name)); }
        const file_id id = any_id();
        REQUIRE(names_.stat(id).has_value() == model_.nodes.contains(id));
    }

    void do_list(file_id id) {
        if (const errc e = model_.check_parent(id); e != errc::ok) {
            collector taken(1);
            REQUIRE(names_.readdir(id, "", taken).error() == e);
            return;
        }
        const auto lines = list_all(names_, id, 1 + random_.below(4));
        std::map<std::string, file_id> seen;
        for (const listed& line : lines) {
            REQUIRE(seen.emplace(line.name, line.id).second);
            REQUIRE((line.type == file_type::directory) == model_.nodes[line.id].is_directory);
            REQUIRE((line.type == file_type::symlink) == model_.nodes[line.id].is_symlink);
            REQUIRE(line.attr.size == model_.nodes[line.id].size);
        }
        REQUIRE(seen == model_.nodes[id].children);
    }

    prng random_;
    null_change_sink nowhere_;
    name_space mirror_;
    name_space names_;
    model model_;
    std::vector<file_id> live_ids_{root_id};
    std::vector<file_id> dead_ids_;
    std::int64_t now_ = 10'000;
};

std::uint64_t three_hashes(file_id parent, std::string_view name) {
    return default_name_hash(parent, name) % 3 << 62;
}

TEST_CASE("random operations agree with a tree of maps, and so does a replay of the changes") {
    const auto hash = GENERATE(default_name_hash, three_hashes);
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        run one(seed, hash);
        for (int i = 0; i < 1500; ++i) { one.step(); }
        one.check_everything();
    }
}

} // namespace
} // namespace benchfs::metadata
