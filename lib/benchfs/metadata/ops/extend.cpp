#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<attributes> name_space::extend(file_id id, std::uint64_t epoch, std::uint64_t end, std::int64_t now_ns) {
    BFS_TRY(attributes * file, file_of(id));
    // A newer one, too: the truncation that somebody has seen was not synced and is lost with the power.
    if (epoch != file->epoch) { return errc::stale_epoch; }
    if (end > max_file_size(file->chunk_size)) { return errc::file_too_large; }
    if (end > file->size) { file->size = end; }
    file->mtime_ns = file->ctime_ns = now_ns;
    sink_->inode_set(*file);
    return *file;
}

} // namespace benchfs::metadata
