#include "benchfs/metadata/name_space.hpp"

namespace benchfs::metadata {

result<bool> name_space::readdir(file_id id, std::string_view after, entry_visitor& visitor) const {
    BFS_TRY(const directory* in, directory_of(id));
    if (!after.empty()) { BFS_CHECK(validate_name(after)); }
    bool complete = true;
    tables_.entries.list(*in, after, [&](std::string_view name, const dentry& entry) {
        const directory_entry line{name, entry.child, entry.type(), tables_.inodes.find(entry.child)};
        complete = visitor.visit(line);
        return complete;
    });
    return complete;
}

} // namespace benchfs::metadata
