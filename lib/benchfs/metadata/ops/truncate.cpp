#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

namespace {

constexpr std::uint64_t epoch_leap = std::uint64_t{1} << 32;

} // namespace

void name_space::cut(attributes& file, std::uint64_t size, std::int64_t now_ns) {
    file.size = size;
    ++file.epoch;
    file.mtime_ns = file.ctime_ns = now_ns;
    sink_->inode_set(file); // changed in place in the table already
}

result<truncate_answer> name_space::truncate(file_id id, std::uint64_t size, std::int64_t now_ns) {
    BFS_TRY(attributes * file, file_of(id));
    if (size > max_file_size(file->chunk_size)) { return errc::file_too_large; }
    truncate_answer out;
    out.old_size = file->size;
    cut(*file, size, now_ns);
    out.attr = *file;
    return out;
}

result<attributes> name_space::leap_epoch(file_id id) {
    BFS_TRY(attributes * file, file_of(id));
    file->epoch += epoch_leap;
    sink_->inode_set(*file);
    return *file;
}

} // namespace benchfs::metadata
