#include "name_tree.hpp"

namespace benchfs::sim {

std::string leaf_text(std::size_t path) {
    if (is_nested(path)) { return "d"; }
    if (is_directory(path)) { return "d" + std::to_string(path); }
    if (path >= paths) { return "l" + std::to_string(path - paths); }
    const std::size_t parent = parent_of(path);
    return "f" + std::to_string(path - (parent == root_path ? directories : file_in(parent, 0)));
}

std::string path_text(std::size_t path) {
    return path == root_path ? std::string() : path_text(parent_of(path)) + "/" + leaf_text(path);
}

} // namespace benchfs::sim
