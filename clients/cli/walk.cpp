#include "walk.hpp"

#include <fnmatch.h>

namespace benchfs::cli {

std::string join(std::string_view directory, std::string_view name) {
    std::string all(directory);
    if (all.empty() || all.back() != '/') { all += '/'; }
    return all += name;
}

std::string_view base_name(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') { path.remove_suffix(1); }
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

bool matches(const std::string& pattern, const std::string& name) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

runtime::task<status> walk(file_system& fs, std::string absolute, std::string shown, const visitor& visit,
                           std::string& where) {
    struct pending {
        std::string absolute;
        tree_entry entry;
    };
    where = shown;
    BFS_CO_TRY(const attributes root, co_await fs.lstat(absolute));
    // What is still to be visited, the next one at the end.
    std::vector<pending> stack;
    pending first;
    first.absolute = std::move(absolute);
    first.entry.path = std::move(shown);
    first.entry.attr = root;
    first.entry.last = true;
    stack.push_back(std::move(first));
    while (!stack.empty()) {
        const pending now = std::move(stack.back());
        stack.pop_back();
        if (!visit(now.entry) || !now.entry.attr.is_directory()) { continue; }
        where = now.entry.path;
        auto entries = co_await fs.readdir(now.absolute);
        // Who removed it meanwhile has nothing more to show.
        if (!entries && entries.error() == errc::not_found && now.entry.depth != 0) { continue; }
        if (!entries) { co_return entries.error(); }
        for (std::size_t i = entries->size(); i-- > 0;) {
            const directory_entry& e = (*entries)[i];
            pending below;
            below.absolute = join(now.absolute, e.name);
            below.entry.path = join(now.entry.path, e.name);
            below.entry.attr = e.attr;
            below.entry.depth = now.entry.depth + 1;
            below.entry.last = i + 1 == entries->size();
            stack.push_back(std::move(below));
        }
    }
    co_return ok();
}

} // namespace benchfs::cli
