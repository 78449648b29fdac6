#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

attributes attributes_of_new(file_id id, file_type type, const new_inode& how) noexcept {
    attributes attr;
    attr.id = id;
    attr.type = type;
    attr.mode = how.mode & mode_mask;
    attr.uid = how.uid;
    attr.gid = how.gid;
    attr.mtime_ns = attr.ctime_ns = attr.atime_ns = how.now_ns;
    return attr;
}

name_space::name_space(const name_space_options& options, change_sink& sink)
    : options_(options), tables_(options.self, options.first_id, options.hash), sink_(&sink) {
    BFS_ASSERT(valid_chunk_size(options.chunk_size)); // front ends check what a person wrote
    attributes root;
    root.id = root_id;
    root.type = file_type::directory;
    root.mode = options.root_mode & mode_mask;
    root.uid = options.root_uid;
    root.gid = options.root_gid;
    root.mtime_ns = root.ctime_ns = root.atime_ns = options.now_ns;
    tables_.inode_set(root);
    tables_.directory_set(root_id, root_id);
}

result<const directory*> name_space::directory_of(file_id id) const noexcept {
    if (const directory* found = tables_.entries.find_directory(id)) { return found; }
    const attributes* inode = tables_.inodes.find(id);
    return inode != nullptr && !inode->is_directory() ? errc::not_a_directory : errc::stale_handle;
}

result<attributes*> name_space::file_of(file_id id) noexcept {
    attributes* found = tables_.inodes.find(id);
    if (found == nullptr) { return errc::stale_handle; }
    if (found->is_directory()) { return errc::is_a_directory; }
    if (found->type != file_type::file) { return errc::invalid_argument; }
    return found;
}

result<const dentry*> name_space::entry_of(file_id parent, std::string_view name) const noexcept {
    BFS_TRY(const directory* in, directory_of(parent));
    BFS_CHECK(validate_name(name));
    return tables_.entries.find(*in, name);
}

result<attributes> name_space::attributes_of(file_id id) const noexcept {
    const attributes* found = tables_.inodes.find(id);
    if (found == nullptr) { return errc::stale_handle; }
    return *found;
}

result<attributes> name_space::make(file_id parent, std::string_view name, const new_inode& how,
                                    file_type type) {
    BFS_CHECK(room());
    std::uint32_t chunk_size = 0;
    if (type == file_type::file) {
        chunk_size = how.chunk_size == 0 ? options_.chunk_size : how.chunk_size;
        if (!valid_chunk_size(chunk_size)) { return errc::invalid_argument; }
    }
    BFS_TRY(const file_id id, new_id());
    attributes attr = attributes_of_new(id, type, how);
    attr.chunk_size = chunk_size;
    set_inode(attr);
    if (type == file_type::directory) { set_directory(attr.id, parent); }
    set_dentry(parent, name, attr.id, type);
    return attr;
}

attributes name_space::drop(const attributes& what) {
    attributes gone = what; // the table's copy dies here
    gone.nlink = 0;
    if (gone.is_directory()) { remove_directory(gone.id); }
    remove_inode(gone.id);
    return gone;
}

void name_space::set_inode(const attributes& now) {
    tables_.inode_set(now);
    sink_->inode_set(now);
}
void name_space::remove_inode(file_id id) {
    tables_.inode_removed(id);
    sink_->inode_removed(id);
}
void name_space::set_dentry(file_id parent, std::string_view name, file_id child, file_type type) {
    tables_.dentry_set(parent, name, child, type);
    sink_->dentry_set(parent, name, child, type);
}
void name_space::remove_dentry(file_id parent, std::string_view name) {
    tables_.dentry_removed(parent, name);
    sink_->dentry_removed(parent, name);
}
void name_space::set_directory(file_id id, file_id parent) {
    tables_.directory_set(id, parent);
    sink_->directory_set(id, parent);
}
void name_space::remove_directory(file_id id) {
    tables_.directory_removed(id);
    sink_->directory_removed(id);
}

name_space_counts name_space::counts() const noexcept {
    name_space_counts out;
    out.directories = tables_.entries.directories();
    out.files = tables_.inodes.size() - tables_.directory_inodes;
    out.max_inodes = options_.max_inodes;
    out.inode_bytes = tables_.inodes.bytes();
    out.entry_bytes = tables_.entries.entry_bytes();
    out.directory_bytes = tables_.entries.directory_bytes();
    return out;
}

} // namespace benchfs::metadata
