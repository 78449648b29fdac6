#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::mkdir(file_id parent, std::string_view name, const new_inode& how) {
    if (names_root(parent, name)) { return errc::already_exists; }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry != nullptr) { return errc::already_exists; }
    return make(parent, name, how, file_type::directory);
}

} // namespace benchfs::metadata
