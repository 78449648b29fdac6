// The reference for a tree of directories and files that two clients change at once: everything that was ever
// made, and the changes of which nobody knows whether they happened.
//
// Objects are numbered and never forgotten, because another client's change may still be about one that is
// gone. A path follows from the parents, so the move of a directory moves all that is below it.
#pragma once

#include "benchfs/base/types.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace benchfs::sim {

struct tree_object {
    bool directory = false;
    bool alive = false;
    bool held = false; // a client is changing it
    unsigned parent = 0;
    std::string name;
    file_id id;               // not valid: nobody has seen it yet
    unsigned replaced_by = 0; // by the directory that was moved onto it
    unsigned users = 0;       // changes under way that may put something into it
};

enum class tree_change_kind : std::uint8_t {
    make_directory,
    make_file,
    remove_file,
    remove_directory,
    move_file,
    move_directory,
    replace_directory,
};

struct tree_change {
    tree_change_kind kind{};
    unsigned object = 0;
    unsigned parent = 0; // of what is made, and where a move ends
    std::string name;    // the same
    unsigned over = 0;   // the directory that a move replaces

    [[nodiscard]] bool makes() const noexcept {
        return kind == tree_change_kind::make_directory || kind == tree_change_kind::make_file;
    }
    [[nodiscard]] bool removes() const noexcept {
        return kind == tree_change_kind::remove_directory || kind == tree_change_kind::remove_file;
    }
    [[nodiscard]] bool moves() const noexcept { return !makes() && !removes(); }
};

struct found_object {
    bool directory = false;
    file_id id;
};
using found_tree = std::map<std::string, found_object>; // by path; the root is not in it

class shared_tree {
public:
    static constexpr unsigned root = 0;

    shared_tree();

    /// What a client is about to make: not alive before that is applied, and held.
    unsigned add(bool directory, unsigned parent, const std::string& name);
    [[nodiscard]] tree_object& at(unsigned object) { return objects_[object]; }
    [[nodiscard]] const tree_object& at(unsigned object) const { return objects_[object]; }

    /// Empty for the root, so that "/" and a name can follow.
    [[nodiscard]] std::string path(unsigned object) const;
    /// Also true of the directory itself.
    [[nodiscard]] bool lies_in(unsigned object, unsigned directory) const;
    [[nodiscard]] bool has_children(unsigned object) const;
    /// The living ones, without the root.
    [[nodiscard]] std::vector<unsigned> living() const;
    /// Those that a client may change now. A directory has to have been seen: names in it are chosen by its id.
    [[nodiscard]] std::vector<unsigned> free_ones(bool directory) const;

    void apply(const tree_change& change);
    /// It may have happened.
    void doubt(const tree_change& change) { doubts_.push_back(change); }
    [[nodiscard]] bool in_doubt() const noexcept { return !doubts_.empty(); }

    /// Looks for a way in which the doubtful changes explain what is there, and applies that. "" or why there
    /// is none.
    [[nodiscard]] std::string explain(const found_tree& there);
    /// Nothing is held or doubtful from now on, and what nobody had seen gets the id that was found.
    void settle(const found_tree& there);
    /// All that is alive, a line each.
    [[nodiscard]] std::string text() const;

private:
    [[nodiscard]] unsigned successor(unsigned object) const;
    [[nodiscard]] bool reaches_root(unsigned object) const;
    /// "" or the first difference.
    [[nodiscard]] std::string difference(const found_tree& there) const;

    std::vector<tree_object> objects_;
    std::vector<tree_change> doubts_;
};

} // namespace benchfs::sim
