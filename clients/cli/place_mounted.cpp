// Files of a mounted benchfs as a place of transfers.
#include "place.hpp"
#include "symlinks.hpp"
#include "walk.hpp"

namespace benchfs::cli {
namespace {

[[nodiscard]] item item_of(std::string path, const attributes& a) {
    item one;
    one.path = std::move(path);
    one.kind = a.is_directory() ? item_kind::directory : is_link(a) ? item_kind::symlink : item_kind::file;
    one.size = a.size;
    one.mode = a.mode & 07777;
    one.mtime_ns = a.mtime_ns;
    return one;
}

class mounted_file final : public place_file {
public:
    mounted_file(file_system& fs, file open, std::string path) : fs_(fs), file_(open), path_(std::move(path)) {}

    task<result<std::size_t>> read(byte_span into, std::uint64_t offset) override {
        return file_.read(into, offset);
    }
    task<status> write(const_byte_span from, std::uint64_t offset) override {
        const auto done = co_await file_.write(from, offset);
        co_return done.error();
    }
    task<status> truncate(std::uint64_t size) override { return file_.truncate(size); }
    task<status> finish(item like) override {
        BFS_CO_TRY(const attributes now, co_await file_.stat());
        if (now.size != like.size) { co_return errc::io_error; }
        if ((now.mode & 07777) != like.mode) { BFS_CO_CHECK(co_await fs_.chmod(path_, like.mode)); }
        co_return co_await fs_.set_times(path_, like.mtime_ns, like.mtime_ns);
    }
    bool checks(std::uint64_t offset, std::size_t size) override {
        constexpr std::uint64_t block = 4096; // whole ones only
        const std::uint32_t chunk_size = file_.chunk_size();
        if (offset % block != 0 || size % block != 0 || chunk_size == 0) { return false; }
        for (std::uint64_t i = offset / chunk_size; i * chunk_size < offset + size; ++i) {
            if (!fs_.checks_blocks(fs_.server_of_chunk(file_.id(), static_cast<std::uint32_t>(i)))) {
                return false;
            }
        }
        return true;
    }

private:
    file_system& fs_;
    file file_;
    std::string path_;
};

class mounted_files final : public place {
public:
    explicit mounted_files(file_system& fs) noexcept : fs_(fs) {}

    task<result<item>> look(std::string path) override {
        BFS_CO_TRY(const attributes a, co_await stat_link(fs_, path));
        item one = item_of(path, a);
        if (one.kind == item_kind::symlink) { BFS_CO_TRY(one.link, co_await read_link(fs_, path)); }
        co_return std::move(one);
    }

    task<result<std::vector<item>>> scan(std::string root) override {
        std::vector<item> all;
        const visitor collect = [&](const tree_entry& e) {
            item one = item_of(e.path, e.attr);
            if (e.depth > 0) { one.rest = e.path.substr(root.size() + (root.back() == '/' ? 0 : 1)); }
            all.push_back(std::move(one));
            return true;
        };
        std::string where;
        BFS_CO_CHECK(co_await walk(fs_, root, root, collect, where));
        for (item& one : all) {
            if (one.kind == item_kind::symlink) { BFS_CO_TRY(one.link, co_await read_link(fs_, one.path)); }
        }
        co_return std::move(all);
    }

    task<result<std::unique_ptr<place_file>>> open_source(std::string path) override {
        return open(std::move(path), open_flags::read, 0);
    }

    task<result<std::unique_ptr<place_file>>> open_target(std::string path, std::uint32_t mode,
                                                          bool keep) override {
        open_flags flags = open_flags::read_write | open_flags::create;
        if (!keep) { flags = flags | open_flags::truncate; }
        return open(std::move(path), flags, mode);
    }

    task<result<bool>> make_directory(std::string path, std::uint32_t mode) override {
        const status made = co_await fs_.mkdir(path, mode);
        if (made) { co_return true; }
        // Where mkdir cannot be had at all, a directory that is there will still do.
        const errc why = made.error();
        if (why != errc::already_exists && why != errc::not_supported && why != errc::invalid_argument) {
            co_return why;
        }
        const auto there = co_await fs_.stat(path);
        if (!there) { co_return why; }
        if (!there->is_directory()) { co_return errc::not_a_directory; }
        co_return false;
    }

    task<status> set_mode(std::string path, std::uint32_t mode) override {
        return fs_.chmod(std::move(path), mode);
    }

    task<status> make_symlink(std::string target, std::string path) override {
        const status made = co_await make_link(fs_, target, path);
        if (made || made.error() != errc::already_exists) { co_return made; }
        BFS_CO_TRY(const attributes there, co_await stat_link(fs_, path));
        if (!is_link(there)) { co_return errc::already_exists; }
        BFS_CO_CHECK(co_await fs_.unlink(path));
        co_return co_await make_link(fs_, target, path);
    }

private:
    task<result<std::unique_ptr<place_file>>> open(std::string path, open_flags flags, std::uint32_t mode) {
        BFS_CO_TRY(file opened, co_await fs_.open(path, flags, mode));
        std::unique_ptr<place_file> made = std::make_unique<mounted_file>(fs_, opened, path);
        co_return std::move(made);
    }

    file_system& fs_;
};

} // namespace

std::unique_ptr<place> mounted_place(file_system& fs) { return std::make_unique<mounted_files>(fs); }

} // namespace benchfs::cli
