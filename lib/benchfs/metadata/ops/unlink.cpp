#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::unlink(file_id parent, std::string_view name) {
    if (names_root(parent, name)) { return errc::is_a_directory; }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry == nullptr) { return errc::not_found; }
    if (entry->type() == file_type::directory) { return errc::is_a_directory; }
    BFS_TRY(const attributes file, attributes_of(entry->child));
    remove_dentry(parent, name);
    return drop(file);
}

} // namespace benchfs::metadata
