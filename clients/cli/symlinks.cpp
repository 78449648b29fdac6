#include "symlinks.hpp"

namespace benchfs::cli {

using runtime::task;

// The client library has no symlinks yet.
task<status> make_link(file_system&, std::string, std::string) { co_return errc::not_supported; }
task<result<std::string>> read_link(file_system&, std::string) { co_return errc::not_supported; }
task<result<attributes>> stat_link(file_system& fs, std::string path) { return fs.stat(std::move(path)); }
bool is_link(const attributes&) noexcept { return false; }

} // namespace benchfs::cli
