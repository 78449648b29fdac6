// The steps of operations that several servers do together: what each of them does to its own part.
#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<std::optional<entry_info>> name_space::find_entry(file_id parent, std::string_view name) const {
    using answer = std::optional<entry_info>;
    if (names_root(parent, name)) { return answer(entry_info{root_id, file_type::directory}); }
    BFS_TRY(const dentry* entry, entry_of(parent, name));
    if (entry == nullptr) { return answer(); }
    return answer(entry_info{entry->child, entry->type()});
}

status name_space::link(file_id parent, std::string_view name, entry_info what) {
    BFS_CHECK(entry_of(parent, name));
    if (tables_.entries.full()) { return errc::no_space; }
    set_dentry(parent, name, what.id, what.type);
    return ok();
}

void name_space::unlink_entry(file_id parent, std::string_view name) { remove_dentry(parent, name); }

result<attributes> name_space::drop_inode(file_id id) {
    BFS_TRY(attributes gone, attributes_of(id));
    remove_inode(id);
    gone.nlink = 0;
    return gone;
}

attributes name_space::add_directory_inode(file_id id, file_id parent, std::string_view name,
                                           const new_inode& how) {
    const attributes attr = attributes_of_new(id, file_type::directory, how);
    set_inode(attr);
    adopt_directory(id, parent);
    set_dentry(parent, name, id, file_type::directory);
    return attr;
}

status name_space::room() const noexcept {
    if (tables_.inodes.size() >= options_.max_inodes || tables_.entries.full()) { return errc::no_space; }
    return ok();
}

std::size_t name_space::entries_in(file_id id) const noexcept {
    const directory* in = tables_.entries.find_directory(id);
    return in == nullptr ? 0 : in->entries.size();
}

void name_space::adopt_directory(file_id id, file_id parent) {
    const directory* known = tables_.entries.find_directory(id);
    if (known == nullptr || known->parent != parent) { set_directory(id, parent); }
}

status name_space::forget_directory(file_id id) {
    if (!knows_directory(id)) { return ok(); }
    if (entries_in(id) != 0) { return errc::not_empty; }
    remove_directory(id);
    return ok();
}

} // namespace benchfs::metadata
