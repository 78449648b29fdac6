#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

// Both names live on this server, so a rename is one step: never both names, never none.

bool name_space::lies_below(file_id inner, file_id outer) const noexcept {
    std::size_t left = tables_.entries.directories();
    for (file_id at = inner; at != root_id; --left) {
        // A table that has lost a part may have a circle for a while: nothing moves into that.
        if (at == outer || left == 0) { return true; }
        const directory* here = tables_.entries.find_directory(at);
        if (here == nullptr) { return false; }
        at = here->parent;
    }
    return outer == root_id;
}

// What the new name means now (nullptr: nothing), if the source may replace it.
result<const dentry*> name_space::rename_target(const dentry& source, file_id new_parent,
                                                std::string_view new_name) const noexcept {
    const bool moves_directory = source.type() == file_type::directory;
    if (moves_directory && lies_below(new_parent, source.child)) { return errc::invalid_argument; }
    BFS_TRY(const dentry* target, entry_of(new_parent, new_name));
    if (target == nullptr || target == &source) { return target; }
    if (!moves_directory) {
        if (target->type() == file_type::directory) { return errc::is_a_directory; }
        return target;
    }
    if (target->type() != file_type::directory) { return errc::not_a_directory; }
    BFS_TRY(const directory* inside, directory_of(target->child));
    if (inside->entries.size() != 0) { return errc::not_empty; }
    return target;
}

result<rename_answer> name_space::rename(file_id old_parent, std::string_view old_name, file_id new_parent,
                                         std::string_view new_name, std::int64_t now_ns) {
    if (names_root(old_parent, old_name) || names_root(new_parent, new_name)) { return errc::busy; }
    BFS_TRY(const dentry* source, entry_of(old_parent, old_name));
    BFS_CHECK(directory_of(new_parent));
    BFS_CHECK(validate_name(new_name));
    if (source == nullptr) { return errc::not_found; }
    const file_id id = source->child;
    const file_type type = source->type();
    rename_answer out;
    BFS_TRY(out.moved, attributes_of(id));
    BFS_TRY(const dentry* target, rename_target(*source, new_parent, new_name));
    if (target == source) { return out; } // onto itself: nothing to do
    if (tables_.entries.full()) { return errc::no_space; }
    if (target != nullptr) {
        BFS_TRY(const attributes replaced, attributes_of(target->child));
        out.replaced = drop(replaced); // its name is overwritten below
    }
    remove_dentry(old_parent, old_name);
    set_dentry(new_parent, new_name, id, type);
    if (type == file_type::directory && new_parent != old_parent) { set_directory(id, new_parent); }
    out.moved.ctime_ns = now_ns;
    set_inode(out.moved);
    return out;
}

} // namespace benchfs::metadata
