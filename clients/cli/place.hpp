// Where a transfer reads or writes: the local file system or benchfs, behind one interface, so that put, get
// and cp are one piece of code.
#pragma once

#include "benchfs/api/benchfs.hpp"

#include <memory>
#include <string>
#include <vector>

namespace benchfs::cli {

enum class item_kind { file, directory, symlink, other };

/// Something that has a name.
struct item {
    std::string path; // in its place
    std::string rest; // of the path, below the root of the scan; empty for the root itself
    item_kind kind = item_kind::file;
    std::uint64_t size = 0;
    std::uint32_t mode = 0; // permissions only
    std::int64_t mtime_ns = 0;
    std::string link; // where a symlink points to
};

/// An open file of a place.
class place_file {
public:
    virtual ~place_file() = default;
    /// Fewer bytes than asked for only at the end of the file. The memory stays until this resumes.
    [[nodiscard]] virtual task<result<std::size_t>> read(byte_span into, std::uint64_t offset) = 0;
    /// All of it.
    [[nodiscard]] virtual task<status> write(const_byte_span from, std::uint64_t offset) = 0;
    [[nodiscard]] virtual task<status> truncate(std::uint64_t size) = 0;
    /// The last step of writing: io_error if the file has another size than `like`; sets its mode and times, so
    /// that whoever finds the times knows that the file is complete.
    [[nodiscard]] virtual task<status> finish(item like) = 0;
    /// Whether a read or write of this range is checked against checksums from end to end by the place itself.
    [[nodiscard]] virtual bool checks(std::uint64_t offset, std::size_t size) = 0;
};

class place {
public:
    virtual ~place() = default;
    /// Follows symlinks only if the place was told to.
    [[nodiscard]] virtual task<result<item>> look(std::string path) = 0;
    /// The root and all below it, directories before what is in them.
    [[nodiscard]] virtual task<result<std::vector<item>>> scan(std::string root) = 0;
    [[nodiscard]] virtual task<result<std::unique_ptr<place_file>>> open_source(std::string path) = 0;
    /// For reading back and writing; with `keep` what the file has stays.
    [[nodiscard]] virtual task<result<std::unique_ptr<place_file>>>
    open_target(std::string path, std::uint32_t mode, bool keep) = 0;
    /// True if it was made, false if it was there; not_a_directory if something else was.
    [[nodiscard]] virtual task<result<bool>> make_directory(std::string path, std::uint32_t mode) = 0;
    [[nodiscard]] virtual task<status> set_mode(std::string path, std::uint32_t mode) = 0;
    /// Replaces a symlink that is there.
    [[nodiscard]] virtual task<status> make_symlink(std::string target, std::string path) = 0;
};

/// Files of this machine. Calls block while the kernel works: a front end's loop has nothing else to serve.
[[nodiscard]] std::unique_ptr<place> local_place(bool follow_symlinks);
/// Files of a mounted file system, which outlives the place; paths are absolute.
[[nodiscard]] std::unique_ptr<place> mounted_place(file_system& fs);

} // namespace benchfs::cli
