#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::set_attributes(file_id id, const attribute_changes& changes,
                                              std::int64_t now_ns) {
    attributes* found = tables_.inodes.find(id);
    if (found == nullptr) { return errc::stale_handle; }
    if (changes.mode) { found->mode = *changes.mode & mode_mask; }
    if (changes.uid) { found->uid = *changes.uid; }
    if (changes.gid) { found->gid = *changes.gid; }
    if (changes.mtime_ns) { found->mtime_ns = *changes.mtime_ns; }
    if (changes.atime_ns) { found->atime_ns = *changes.atime_ns; }
    found->ctime_ns = now_ns;
    sink_->inode_set(*found);
    return *found;
}

} // namespace benchfs::metadata
