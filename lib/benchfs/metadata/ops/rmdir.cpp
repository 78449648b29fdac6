#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::rmdir(file_id parent, std::string_view name) {
    if (names_root(parent, name)) { return errc::busy; }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry == nullptr) { return errc::not_found; }
    if (entry->type() != file_type::directory) { return errc::not_a_directory; }
    BFS_TRY(const directory* inside, directory_of(entry->child));
    if (inside->entries.size() != 0) { return errc::not_empty; }
    BFS_TRY(const attributes gone, attributes_of(entry->child));
    remove_dentry(parent, name);
    return drop(gone);
}

} // namespace benchfs::metadata
