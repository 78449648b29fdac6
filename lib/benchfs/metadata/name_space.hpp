// The namespace of one server: every operation on names and attributes, as a synchronous state machine.
//
// No I/O, no clock, no coroutines: time and identity come in with each call, errors go out as POSIX codes, and
// changes go to a change_sink. One file per operation in ops/. Common errors: stale_handle for an id that is
// not (or no longer) here, not_a_directory for a parent that is a file, and what validate_name() says of a
// name.
//
// The root has no name: (root_id, "") stands for it where a path ends there.
#pragma once

#include "benchfs/metadata/tables.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace benchfs::metadata {

struct name_space_options {
    server_id self{0};
    std::uint32_t chunk_size = default_chunk_size; // of files that ask for none
    std::uint64_t max_inodes = 100'000'000;        // then no_space
    // The first counter of an id. A server without a log that restarts passes one above all it may have given
    // out, because ids are never reused.
    std::uint64_t first_id = 2;
    name_hash hash = default_name_hash;
    std::uint32_t root_mode = 0755;
    std::uint32_t root_uid = 0;
    std::uint32_t root_gid = 0;
    std::int64_t now_ns = 0; // the times of a root that is made new
};

/// Who makes something new, and how.
struct new_inode {
    std::uint32_t mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t chunk_size = 0; // 0: the file system's
    std::int64_t now_ns = 0;
};

struct open_flags {
    bool create = false;
    bool exclusive = false; // with create: already_exists if the name does
    bool truncate = false;
};

struct open_answer {
    attributes attr;
    bool created = false;
    // The bytes of the file were cut off: its chunks must be removed before the answer goes out.
    bool truncated = false;
    std::uint64_t old_size = 0; // before the truncation
};

struct truncate_answer {
    attributes attr; // with the new size and epoch
    std::uint64_t old_size = 0;
};

/// What a rename did.
struct rename_answer {
    attributes moved;
    // What the new name meant before and nothing means now; the chunks of a file must be removed.
    std::optional<attributes> replaced;
};

/// What set_attributes changes: the members that have a value.
struct attribute_changes {
    std::optional<std::uint32_t> mode;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::int64_t> mtime_ns;
    std::optional<std::int64_t> atime_ns;
};

/// One line of a listing. The name refers into the table, for the time of the visit.
struct directory_entry {
    std::string_view name;
    file_id id;
    file_type type = file_type::none;
    const attributes* attr = nullptr; // nullptr: the inode lives on another server
};

/// Takes the entries of a listing.
class entry_visitor {
public:
    /// False: no room for this one, end here; it will be the first one of the next page.
    virtual bool visit(const directory_entry& entry) = 0;

protected:
    ~entry_visitor() = default;
};

/// The attributes of something that is made now; size, epoch and chunk size are 0.
[[nodiscard]] attributes attributes_of_new(file_id id, file_type type, const new_inode& how) noexcept;

/// What a name means: where its inode is, the id tells.
struct entry_info {
    file_id id;
    file_type type = file_type::none;

    [[nodiscard]] bool is_directory() const noexcept { return type == file_type::directory; }
};

struct name_space_counts {
    std::uint64_t files = 0;
    std::uint64_t directories = 0; // with the root
    std::uint64_t max_inodes = 0;
    // Memory: what grows with files, and the directories apart.
    std::uint64_t inode_bytes = 0;
    std::uint64_t entry_bytes = 0; // names included
    std::uint64_t directory_bytes = 0;
};

class name_space {
public:
    /// A namespace with a root only; `sink` must outlive it and is not told of the root.
    explicit name_space(const name_space_options& options, change_sink& sink);
    name_space(const name_space&) = delete;
    name_space& operator=(const name_space&) = delete;

    /// Where to send the changes of a log before the first operation.
    [[nodiscard]] change_sink& replay() noexcept { return tables_; }
    /// For a checkpoint, which writes everything there is as changes again; must not change anything.
    [[nodiscard]] tables& state() noexcept { return tables_; }

    /// What a name means. not_found; stale_handle if the inode lives on another server.
    [[nodiscard]] result<attributes> lookup(file_id parent, std::string_view name) const;
    /// By id. stale_handle.
    [[nodiscard]] result<attributes> stat(file_id id) const;

    /// Opens or makes a file. not_found, already_exists; is_a_directory if a directory is to be created over or
    /// truncated (without both flags a directory is answered like a file); invalid_argument for a bad chunk
    /// size; no_space.
    [[nodiscard]] result<open_answer> open(file_id parent, std::string_view name, open_flags flags,
                                           const new_inode& how);
    /// already_exists, no_space.
    [[nodiscard]] result<attributes> mkdir(file_id parent, std::string_view name, const new_inode& how);

    /// A symbolic link; where it points to is the caller's to keep. already_exists, no_space.
    [[nodiscard]] result<attributes> symlink(file_id parent, std::string_view name, const new_inode& how,
                                             std::uint64_t target_size);

    /// Removes a file's name and inode; its chunks (attributes tell which) must be removed before the answer
    /// goes out. not_found; is_a_directory.
    [[nodiscard]] result<attributes> unlink(file_id parent, std::string_view name);
    /// not_found, not_a_directory, not_empty; busy for the root.
    [[nodiscard]] result<attributes> rmdir(file_id parent, std::string_view name);

    /// Moves a file or directory, over an existing file or empty directory too. not_found, is_a_directory,
    /// not_a_directory, not_empty; invalid_argument for a directory into itself; busy for the root; no_space.
    /// Only for names that both live on this server.
    [[nodiscard]] result<rename_answer> rename(file_id old_parent, std::string_view old_name,
                                               file_id new_parent, std::string_view new_name,
                                               std::int64_t now_ns);

    /// Shows the visitor the entries after the name `after` (empty: from the first one), until it says stop.
    /// True if that was all. An entry that is there throughout a listing is shown exactly once, whatever is
    /// inserted or removed between its pages; the cursor is the last name that was shown.
    [[nodiscard]] result<bool> readdir(file_id id, std::string_view after, entry_visitor& visitor) const;

    /// Sets the size and raises the epoch, also when the size grows or stays. The chunks beyond the size must
    /// be cut before the answer goes out. is_a_directory, file_too_large.
    [[nodiscard]] result<truncate_answer> truncate(file_id id, std::uint64_t size, std::int64_t now_ns);
    /// The same size in a new epoch, beyond all that truncations may have reached which a power loss took:
    /// other servers may know those. Nothing that a user sees has changed. is_a_directory.
    [[nodiscard]] result<attributes> leap_epoch(file_id id);
    /// A write in this epoch ended at `end`: the size is at least that now. stale_epoch if the file was
    /// truncated since, or the truncation to it was lost in a power failure; is_a_directory, file_too_large.
    [[nodiscard]] result<attributes> extend(file_id id, std::uint64_t epoch, std::uint64_t end,
                                            std::int64_t now_ns);
    [[nodiscard]] result<attributes> set_attributes(file_id id, const attribute_changes& changes,
                                                    std::int64_t now_ns);

    // ---- Steps of operations that several servers do together (ops/steps.cpp) ----

    /// What the name means here, wherever its inode is; nothing for a free name. directory_of's and
    /// validate_name's errors.
    [[nodiscard]] result<std::optional<entry_info>> find_entry(file_id parent, std::string_view name) const;
    /// The name means this from now on, also when it meant something else. no_space.
    [[nodiscard]] status link(file_id parent, std::string_view name, entry_info what);
    void unlink_entry(file_id parent, std::string_view name);
    /// Removes an inode that no name refers to any more. stale_handle.
    [[nodiscard]] result<attributes> drop_inode(file_id id);
    /// An id that nothing else will have, also for agreements that need a number. no_space.
    [[nodiscard]] result<file_id> new_id() { return tables_.ids.next(*sink_); }
    /// The inode and the entry of a directory that all servers agreed to have under this id.
    [[nodiscard]] attributes add_directory_inode(file_id id, file_id parent, std::string_view name,
                                                 const new_inode& how);
    /// Room for another inode and entry, or no_space.
    [[nodiscard]] status room() const noexcept;

    [[nodiscard]] bool knows_directory(file_id id) const noexcept {
        return tables_.entries.find_directory(id) != nullptr;
    }
    /// Entries of a directory that are here; 0 for one that is not known.
    [[nodiscard]] std::size_t entries_in(file_id id) const noexcept;
    /// The directory exists, in this parent, whoever has its inode.
    void adopt_directory(file_id id, file_id parent);
    /// The directory is gone. not_empty if entries of it are here; ok if it is not known.
    [[nodiscard]] status forget_directory(file_id id);
    /// Whether `inner` is `outer` or lies in it, as far as the directories are known here.
    [[nodiscard]] bool below(file_id inner, file_id outer) const noexcept { return lies_below(inner, outer); }

    [[nodiscard]] name_space_counts counts() const noexcept;
    [[nodiscard]] const name_space_options& options() const noexcept { return options_; }

private:
    /// The directory with this id: not_a_directory if it is a file, stale_handle if it is nothing here.
    [[nodiscard]] result<const directory*> directory_of(file_id id) const noexcept;
    /// The file with this id: is_a_directory, stale_handle; invalid_argument for a symbolic link.
    [[nodiscard]] result<attributes*> file_of(file_id id) noexcept;
    /// The entry, or nullptr; directory_of's and validate_name's errors.
    [[nodiscard]] result<const dentry*> entry_of(file_id parent, std::string_view name) const noexcept;
    [[nodiscard]] result<attributes> attributes_of(file_id id) const noexcept;
    /// A new id and inode under a name that is free. no_space.
    [[nodiscard]] result<attributes> make(file_id parent, std::string_view name, const new_inode& how,
                                          file_type type);
    /// Ends what rmdir, unlink and rename remove: the name is the caller's.
    attributes drop(const attributes& what);

    // Each applies a change and tells the sink.
    void set_inode(const attributes& now);
    void remove_inode(file_id id);
    void set_dentry(file_id parent, std::string_view name, file_id child, file_type type);
    void remove_dentry(file_id parent, std::string_view name);
    void set_directory(file_id id, file_id parent);
    void remove_directory(file_id id);

    void cut(attributes& file, std::uint64_t size, std::int64_t now_ns);
    [[nodiscard]] bool lies_below(file_id inner, file_id outer) const noexcept;
    [[nodiscard]] result<const dentry*> rename_target(const dentry& source, file_id new_parent,
                                                      std::string_view new_name) const noexcept;

    name_space_options options_;
    tables tables_;
    change_sink* sink_;
};

/// (root_id, ""): the root itself.
[[nodiscard]] constexpr bool names_root(file_id parent, std::string_view name) noexcept {
    return parent == root_id && name.empty();
}

} // namespace benchfs::metadata
