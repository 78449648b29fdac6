#include "symlinks.hpp"

namespace benchfs::cli {

using runtime::task;

task<status> make_link(file_system& fs, std::string target, std::string path) {
    return fs.symlink(std::move(target), std::move(path));
}
task<result<std::string>> read_link(file_system& fs, std::string path) { return fs.readlink(std::move(path)); }
task<result<attributes>> stat_link(file_system& fs, std::string path) { return fs.lstat(std::move(path)); }
bool is_link(const attributes& a) noexcept { return a.is_symlink(); }

} // namespace benchfs::cli
