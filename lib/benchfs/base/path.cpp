#include "benchfs/base/path.hpp"

#include <algorithm>

namespace benchfs {

status validate_name(std::string_view name) noexcept {
    if (name.empty() || name == "." || name == "..") { return errc::invalid_argument; }
    if (name.find('/') != name.npos || name.find('\0') != name.npos) { return errc::invalid_argument; }
    if (name.size() > name_max) { return errc::name_too_long; }
    return ok();
}

result<path> path::parse(std::string_view text) {
    if (text.empty() || text.front() != '/') { return errc::invalid_argument; }
    if (text.size() > path_max) { return errc::name_too_long; }
    path out;
    for (std::size_t at = 1; at <= text.size();) {
        const std::size_t end = std::min(text.find('/', at), text.size());
        const std::string_view part = text.substr(at, end - at);
        at = end + 1;
        out.names_directory_ = part.empty() || part == "." || part == "..";
        if (part == "..") {
            if (out.is_root()) { return errc::invalid_argument; }
            out.remove_last();
        } else if (!out.names_directory_) {
            BFS_CHECK(validate_name(part));
            out.append(part);
        }
    }
    return out;
}

void path::append(std::string_view name) {
    if (depth_ != 0) { text_ += '/'; }
    text_ += name;
    ++depth_;
}

void path::remove_last() noexcept {
    const std::size_t slash = text_.rfind('/');
    text_.resize(slash == 0 ? 1 : slash);
    --depth_;
}

std::string_view path::component(std::size_t i) const noexcept {
    BFS_ASSERT(i < depth_);
    std::size_t begin = 1;
    for (; i > 0; --i) { begin = text_.find('/', begin) + 1; }
    return std::string_view{text_}.substr(begin, text_.find('/', begin) - begin);
}

std::string_view path::name() const noexcept { return std::string_view{text_}.substr(text_.rfind('/') + 1); }

path path::parent() const {
    path out = *this;
    if (!out.is_root()) { out.remove_last(); }
    out.names_directory_ = true;
    return out;
}

result<path> path::child(std::string_view name) const {
    BFS_CHECK(validate_name(name));
    if (text_.size() + 1 + name.size() > path_max) { return errc::name_too_long; }
    path out = *this;
    out.append(name);
    out.names_directory_ = false;
    return out;
}

} // namespace benchfs
