#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::lookup(file_id parent, std::string_view name) const {
    if (names_root(parent, name)) { return attributes_of(root_id); }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry == nullptr) { return errc::not_found; }
    return attributes_of(entry->child);
}

} // namespace benchfs::metadata
