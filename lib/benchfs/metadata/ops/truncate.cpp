#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

void name_space::cut(attributes& file, std::uint64_t size, std::int64_t now_ns, std::uint64_t epochs) {
    file.size = size;
    file.epoch += epochs;
    file.mtime_ns = file.ctime_ns = now_ns;
    sink_->inode_set(file); // changed in place in the table already
}

result<truncate_answer> name_space::truncate(file_id id, std::uint64_t size, std::int64_t now_ns,
                                             std::uint64_t epochs) {
    BFS_TRY(attributes * file, file_of(id));
    if (size > max_file_size(file->chunk_size)) { return errc::file_too_large; }
    truncate_answer out;
    out.old_size = file->size;
    cut(*file, size, now_ns, epochs);
    out.attr = *file;
    return out;
}

} // namespace benchfs::metadata
