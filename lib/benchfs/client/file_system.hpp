// The file system as a program sees it: paths in, files out.
//
//     auto f = co_await fs.open("/run/out", open_flags::write | open_flags::create, 0644);
//     co_await f->write(bytes, 0);
//
// All calls suspend; errors are values. A `file` refers to its file_system, which must outlive it. Everything
// here belongs to one loop and one thread. Paths are absolute; a bad one gives its POSIX error without asking a
// server.
#pragma once

#include "benchfs/base/path.hpp"
#include "benchfs/base/result.hpp"
#include "benchfs/client/statistics.hpp"
#include "benchfs/client/types.hpp"
#include "benchfs/cluster/placement.hpp"
#include "benchfs/rpc/client.hpp"
#include "benchfs/runtime/task.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace benchfs {

class file_system;

/// An open file. A small value; closing is optional, because nothing is kept at the server for it. Copies share
/// nothing but the file itself.
class file {
public:
    /// Reads up to into.size() bytes at `offset`; fewer only at the end of the file, 0 beyond it. Holes read as
    /// zeros. The memory stays the caller's and must stay until this resumes. invalid_argument for an offset
    /// that no file can have, bad_handle if the file was not opened for reading, stale_handle once it was
    /// unlinked.
    [[nodiscard]] runtime::task<result<std::size_t>> read(byte_span into, std::uint64_t offset);
    /// Writes all of `from` at `offset`. After ok, every client sees the bytes and the size. With
    /// open_flags::append at the end of the file, wherever that is: up to the chunk size, and 4 MiB, in one
    /// piece; more of it in several, and fewer bytes are the answer when one of them fails (outcome_unknown if
    /// nobody knows whether that one is there). no_space, file_too_large, bad_handle, stale_handle; after an
    /// error any part of the bytes may have been written. A write of several chunks at an offset is not one
    /// step: what others append beside it may land between two of them, and be covered by the rest.
    [[nodiscard]] runtime::task<result<std::size_t>> write(const_byte_span from, std::uint64_t offset);
    /// What was written before survives power loss after this. io_error, once for each open file, if a server
    /// has lost changes of this client that it had acknowledged: see file_system::sync().
    [[nodiscard]] runtime::task<status> sync();
    /// A larger size makes a hole.
    [[nodiscard]] runtime::task<status> truncate(std::uint64_t size);
    [[nodiscard]] runtime::task<result<attributes>> stat();
    /// Ends the use of this handle: later calls give bad_handle.
    [[nodiscard]] runtime::task<status> close();

    [[nodiscard]] file_id id() const noexcept { return id_; }
    [[nodiscard]] std::uint32_t chunk_size() const noexcept { return chunk_size_; }

private:
    friend class file_system;
    file(file_system& owner, const attributes& a, open_flags flags) noexcept;

    [[nodiscard]] runtime::task<result<std::size_t>> append(const_byte_span from);
    [[nodiscard]] runtime::task<result<std::size_t>> write_parts(const_byte_span from, std::uint64_t offset);
    [[nodiscard]] runtime::task<result<std::size_t>> read_parts(byte_span into, std::uint64_t offset);

    file_system* owner_; // nullptr: closed
    file_id id_;
    std::uint64_t epoch_;
    std::uint32_t chunk_size_;
    open_flags flags_;
    std::uint64_t end_;          // that the file has had in that epoch, or more
    std::uint64_t losses_heard_; // of those that file_system counts
};

struct file_system_settings {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t chunks_at_once = 4; // of one read or write
};

class file_system {
public:
    /// The client and the placement must outlive it.
    file_system(rpc::client& client, const cluster::placement& placement, const file_system_settings& settings)
        : client_(client), placement_(placement), settings_(settings) {}
    file_system(const file_system&) = delete;
    file_system& operator=(const file_system&) = delete;

    // A path that ends with "/" means a directory: not_a_directory for anything else that is there.

    /// `chunk_size` is for a file that this call creates; 0: the file system's. It is a multiple of 4 KiB, at
    /// most 64 MiB. is_a_directory if a directory is to be opened for writing.
    [[nodiscard]] runtime::task<result<file>> open(std::string path, open_flags flags,
                                                   std::uint32_t mode = 0644, std::uint32_t chunk_size = 0);
    [[nodiscard]] runtime::task<result<attributes>> stat(std::string path);
    [[nodiscard]] runtime::task<status> mkdir(std::string path, std::uint32_t mode = 0755);
    [[nodiscard]] runtime::task<status> rmdir(std::string path);
    [[nodiscard]] runtime::task<status> unlink(std::string path);
    [[nodiscard]] runtime::task<status> rename(std::string from, std::string to);
    /// not_supported: a file has one name. invalid_argument, name_too_long for what is no path; nothing is
    /// asked of the servers.
    [[nodiscard]] static runtime::task<status> link(std::string from, std::string to);
    /// A symbolic link at `path`. Calls that take a path follow links (at most 40, then too_many_symlinks; ".."
    /// behind one is resolved as text); lstat, unlink, rename, readlink and symlink don't in the last name.
    /// invalid_argument for an empty target, name_too_long over 511 bytes.
    [[nodiscard]] runtime::task<status> symlink(std::string target, std::string path);
    /// Where a symbolic link points to; invalid_argument if it is none.
    [[nodiscard]] runtime::task<result<std::string>> readlink(std::string path);
    /// Like stat(), of a symbolic link itself.
    [[nodiscard]] runtime::task<result<attributes>> lstat(std::string path);
    /// All entries with their attributes, sorted by name.
    [[nodiscard]] runtime::task<result<std::vector<directory_entry>>> readdir(std::string path);
    /// The beginning of a listing; not_a_directory.
    [[nodiscard]] runtime::task<result<directory_cursor>> list(std::string path);
    /// The entries from there on, a page of at most 64 KiB of them, in no order that means anything, and where
    /// to go on; a page without entries is the end. What is there from the first page to the last is shown
    /// once, whatever comes, goes and is renamed meanwhile; that may be shown or not. A cursor may be used
    /// again and much later; the directory may be renamed. stale_handle once it is removed.
    [[nodiscard]] runtime::task<result<directory_page>> list_from(directory_cursor at);
    [[nodiscard]] runtime::task<status> truncate(std::string path, std::uint64_t size);
    [[nodiscard]] runtime::task<status> chmod(std::string path, std::uint32_t mode);
    /// Access and modification time, nanoseconds since 1970; nothing: it stays what it is.
    [[nodiscard]] runtime::task<status> set_times(std::string path, std::optional<std::int64_t> atime_ns,
                                                  std::optional<std::int64_t> mtime_ns);
    [[nodiscard]] runtime::task<result<file_system_usage>> usage();
    /// Everything acknowledged so far survives power loss after this. io_error, once, if some of it is lost
    /// already: a server's power failed, or it keeps everything in memory, and it was started again since this
    /// client changed something there without a sync. Which changes those are nobody can tell; all that
    /// followed the last good sync may be among them.
    [[nodiscard]] runtime::task<status> sync();
    /// Which server's loss the last sync told of; nothing if it was good, or failed otherwise.
    [[nodiscard]] std::optional<server_id> lost_by() const noexcept { return loser_; }
    /// One empty round trip to a server.
    [[nodiscard]] runtime::task<status> ping(server_id server);

    /// What a server says of itself, and of each of its methods that was called.
    [[nodiscard]] runtime::task<result<server_figures>> describe(server_id server);
    [[nodiscard]] runtime::task<result<std::vector<method_figures>>> statistics(server_id server);

    /// Who did not answer, of the last call here that ended with peer_down, timed_out, no_server or
    /// outcome_unknown: the server that was called, or one that it needs.
    [[nodiscard]] std::optional<server_id> silent_server() const noexcept { return client_.silent(); }
    /// What calls the servers, for tools that ask for more than a file system has.
    [[nodiscard]] rpc::client& calls() noexcept { return client_; }
    [[nodiscard]] const cluster::placement& placing() const noexcept { return placement_; }

    [[nodiscard]] std::uint32_t servers() const noexcept { return placement_.servers(); }
    /// Whether the server checks whole 4 KiB blocks against the client's checksums, and sends its own with what
    /// is read. Known once it was connected; false before.
    [[nodiscard]] bool checks_blocks(server_id server) {
        return client_.peer_of(server).greeting().checksums != 0;
    }
    /// Where a chunk of a file is, and where the entry of a name in a directory.
    [[nodiscard]] server_id server_of_chunk(file_id id, std::uint32_t chunk) const noexcept {
        return cluster::place_chunk(placement_, id, chunk);
    }
    [[nodiscard]] server_id server_of_name(file_id directory, std::string_view name) const noexcept {
        return cluster::place_name(placement_, directory, name);
    }
    /// What carries messages to a server right now: "window", "ucx", "loopback"; "none" before the first call.
    [[nodiscard]] std::string_view path_to(server_id server) { return client_.peer_of(server).path(); }

private:
    friend class file;

    /// Where a name is: its directory's id, and the name. The root is (root_id, "").
    struct place {
        file_id parent;
        std::string name;
        bool cached = false;     // the directory's id came from the cache: it may be out of date
        std::string directory;   // whose id that is, behind symbolic links
        std::uint64_t paths = 0; // what was known of changed paths when the walk began
    };

    /// The root, which has no name, is at home on server 0.
    [[nodiscard]] server_id server_of(const place& at) const noexcept {
        return at.name.empty() ? root_id.home() : cluster::place_name(placement_, at.parent, at.name);
    }
    [[nodiscard]] rpc::named_request where(const place& at) const noexcept {
        return {at.parent.value, settings_.uid, settings_.gid, at.paths};
    }
    /// The file that a name was said to mean has gone since: the name means something else now, or nothing. ok
    /// after a pause, to look once more; `why` when that was done often enough.
    [[nodiscard]] static runtime::task<status> look_again(int& looks, errc why);
    /// The attributes of what a path means, of a symbolic link itself.
    [[nodiscard]] runtime::task<result<attributes>> look_up(path p);
    template <class M>
    [[nodiscard]] runtime::task<result<typename M::reply>> named(path p, typename M::request request,
                                                                 std::string behind = {});
    [[nodiscard]] runtime::task<result<attributes>> attributes_of(file_id id);
    [[nodiscard]] runtime::task<status> change(std::string path, rpc::set_attributes::request request);

    // paths.cpp
    static constexpr int links_max = 40; // symbolic links on one path
    [[nodiscard]] runtime::task<result<place>> locate(const path& p);
    /// Of what is at this path and below it, no ids are remembered any more.
    void forget(const path& p);
    /// After stale_epoch from this server: a directory was moved, so every remembered path may be wrong.
    [[nodiscard]] runtime::task<status> learn_paths(server_id server);
    /// The attributes of what a path means behind symbolic links.
    [[nodiscard]] runtime::task<result<attributes>> follow(path p);
    [[nodiscard]] runtime::task<result<std::string>> target_of(file_id link);
    /// Puts the path that a symbolic link stands for into `into`, and counts the link: it is the name after
    /// `directory`, and `rest` comes behind it. If the link has gone since its name was looked at, `into`
    /// stays, to be looked at again after ok; not_found when that was done often enough. The references outlive
    /// it.
    [[nodiscard]] runtime::task<status> resolve(file_id link, std::string directory, std::string rest,
                                                path& into, int& links, int& looks);

    // file_read.cpp, file_write.cpp
    struct io_part;
    struct io_range;
    [[nodiscard]] std::uint32_t part_bytes(file_id id) const;
    [[nodiscard]] std::optional<io_part> only_part(const file& of, std::byte* memory, std::size_t size,
                                                   std::uint64_t offset) const;
    [[nodiscard]] std::vector<server_id> servers_beside_home(const file& of, std::uint64_t offset,
                                                             std::uint64_t size) const;
    struct write_progress;
    [[nodiscard]] runtime::task<result<std::size_t>> write_part(file_id id, std::uint64_t epoch, io_part part);
    [[nodiscard]] runtime::task<result<std::uint64_t>> write_chunk(file_id id, std::uint64_t epoch,
                                                                   io_part part);
    [[nodiscard]] static runtime::task<status> write_step(file_system& fs, const write_progress& p,
                                                          std::size_t i);
    struct read_progress;
    [[nodiscard]] runtime::task<result<rpc::read_chunk::reply>> read_part(file_id id, io_part part);
    [[nodiscard]] static runtime::task<status> read_step(file_system& fs, read_progress& p, std::size_t i);
    [[nodiscard]] runtime::task<result<std::size_t>> read_at_home(file_id id, io_part part,
                                                                  std::uint64_t offset);

    // sync.cpp
    /// `news`: a loss that nobody was told of before.
    [[nodiscard]] runtime::task<status> sync_servers(bool& news);

    rpc::client& client_;
    const cluster::placement& placement_;
    file_system_settings settings_;
    std::unordered_map<std::string, file_id> directories_; // path -> id, bounded
    std::uint64_t paths_ = 0;  // the number of the last change of paths that we know of
    std::uint64_t losses_ = 0; // that a file's sync told of, and other open files have to hear
    std::optional<server_id> loser_;
    std::optional<server_id> last_loser_;
};

inline file::file(file_system& owner, const attributes& a, open_flags flags) noexcept
    : owner_(&owner),
      id_(a.id),
      epoch_(a.epoch),
      chunk_size_(a.chunk_size),
      flags_(flags),
      end_(a.size),
      losses_heard_(owner.losses_) {}

[[nodiscard]] attributes from_wire(const rpc::wire_attributes& w) noexcept;

} // namespace benchfs
