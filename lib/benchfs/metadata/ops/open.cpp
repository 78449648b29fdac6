#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<open_answer> name_space::open(file_id parent, std::string_view name, open_flags flags,
                                     const new_inode& how) {
    file_id existing = root_id;
    if (!names_root(parent, name)) {
        BFS_TRY(const dentry* entry, entry_of(parent, name));
        if (entry == nullptr) {
            if (!flags.create) { return errc::not_found; }
            BFS_TRY(const attributes made, make(parent, name, how, file_type::file));
            open_answer fresh;
            fresh.attr = made;
            fresh.created = true;
            return fresh;
        }
        existing = entry->child;
    }
    if (flags.create && flags.exclusive) { return errc::already_exists; }
    attributes* found = tables_.inodes.find(existing);
    if (found == nullptr) { return errc::stale_handle; }
    if (found->is_directory() && (flags.create || flags.truncate)) { return errc::is_a_directory; }
    open_answer out;
    // What a symbolic link points to is the client's to open.
    if (flags.truncate && found->type == file_type::file) {
        out.truncated = true;
        out.old_size = found->size;
        cut(*found, 0, how.now_ns);
    }
    out.attr = *found;
    return out;
}

} // namespace benchfs::metadata
