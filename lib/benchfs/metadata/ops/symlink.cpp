// Makes a symbolic link: an inode and an entry. Where it points to is kept by the layer above.
#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::symlink(file_id parent, std::string_view name, const new_inode& how,
                                       std::uint64_t target_size) {
    if (names_root(parent, name)) { return errc::already_exists; }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry != nullptr) { return errc::already_exists; }
    BFS_CHECK(room());
    BFS_TRY(const file_id id, new_id());
    attributes attr = attributes_of_new(id, file_type::symlink, how);
    attr.size = target_size;
    set_inode(attr);
    set_dentry(parent, name, attr.id, attr.type);
    return attr;
}

} // namespace benchfs::metadata
