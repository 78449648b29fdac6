// What each operation on names does to the names that there are, at the moment when it takes effect.
#include "name_model.hpp"

#include <utility>

namespace benchfs::sim {
namespace {

template <typename Slots>
[[nodiscard]] bool is_empty(const Slots& names, std::size_t directory) {
    for (std::size_t p = 0; p < paths; ++p) {
        if (parent_of(p) == directory && names[p] != 0) { return false; }
    }
    return true;
}

template <typename Slots>
void move_subtree(Slots& names, std::size_t from, std::size_t to) {
    names[to] = std::exchange(names[from], 0);
    for (std::size_t i = 0; i < files_each; ++i) {
        names[file_in(to, i)] = std::exchange(names[file_in(from, i)], 0);
    }
    if (!is_nested(from) && !is_nested(to)) {
        move_subtree(names, from + top_directories, to + top_directories);
    }
}

} // namespace

name_model::effect name_model::apply(slots& names, std::uint32_t number, const operation& o) {
    const auto missing_parent = [&](std::size_t p) {
        return parent_of(p) != root_path && names[parent_of(p)] == 0;
    };
    std::uint64_t& at = names[o.path];
    if (o.kind == name_op::wipe) {
        for (std::uint64_t& id : names) {
            if (id != 0) { removed_.insert(id); }
            id = 0;
        }
        return {};
    }
    if (missing_parent(o.path)) { return {errc::not_found, 0}; }
    switch (o.kind) {
    case name_op::create_exclusive:
    case name_op::mkdir:
        if (at != 0) { return {errc::already_exists, 0}; }
        at = unseen | number;
        return {errc::ok, at};
    case name_op::open_create:
        if (at == 0) { at = unseen | number; }
        return {errc::ok, at};
    case name_op::lookup:
        return at == 0 ? effect{errc::not_found, 0} : effect{errc::ok, at};
    case name_op::unlink:
        if (at == 0) { return {errc::not_found, 0}; }
        removed_.insert(at);
        at = 0;
        return {};
    case name_op::rmdir:
        if (at == 0) { return {errc::not_found, 0}; }
        if (!is_empty(names, o.path)) { return {errc::not_empty, 0}; }
        at = 0;
        return {};
    case name_op::rename:
        if (at == 0 || missing_parent(o.other)) { return {errc::not_found, 0}; }
        if (o.other == o.path) { return {}; }
        if (is_directory(o.path)) { return move_directory(names, o.path, o.other); }
        if (names[o.other] != 0) { removed_.insert(names[o.other]); }
        names[o.other] = at;
        at = 0;
        return {};
    case name_op::symlink:
        if (at != 0) { return {errc::already_exists, 0}; }
        at = link_mark | o.other;
        return {};
    case name_op::readlink:
        if (at == 0) { return {errc::not_found, 0}; }
        return (at & link_mark) == 0 ? effect{errc::invalid_argument, 0} : effect{errc::ok, at};
    case name_op::follow_lookup:
    case name_op::follow_open:
        return follow(names, number, o);
    case name_op::wipe:
        break;
    }
    return {};
}

/// One step: `other` has a bit for each link that was followed before, and which file of the directory is
/// meant.
name_model::effect name_model::follow(slots& names, std::uint32_t number, const operation& o) {
    std::uint64_t& at = names[o.path];
    const std::uint64_t leaf = o.other & inside_mask;
    if ((at & link_mark) != 0) {
        const std::uint64_t bit = effect::round >> (1 + o.path - paths);
        const std::uint64_t round = (o.other & bit) != 0 ? effect::round : 0;
        const std::size_t target = at & ~link_mark;
        if (leaf != 0 && is_directory(target)) {
            const std::size_t file = file_in(target, leaf / inside(0) - 1);
            return {errc::try_again, file | (o.other & ~inside_mask) | bit | round};
        }
        return {errc::try_again, target | o.other | bit | round};
    }
    if (leaf != 0) { return {at == 0 ? errc::not_found : errc::not_a_directory, 0}; }
    if (o.kind == name_op::follow_lookup) {
        return at == 0 ? effect{errc::not_found, 0} : effect{errc::ok, at};
    }
    if (at == 0) { at = unseen | number; }
    return {errc::ok, at};
}

/// Over an empty directory, too; what is in it goes along. Not into itself.
name_model::effect name_model::move_directory(slots& names, std::size_t from, std::size_t to) {
    if (lies_in(to, from)) { return {errc::invalid_argument, 0}; }
    if (!is_empty(names, to)) { return {errc::not_empty, 0}; }
    move_subtree(names, from, to);
    return {};
}

} // namespace benchfs::sim
