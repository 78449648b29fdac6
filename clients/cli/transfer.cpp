#include "transfer.hpp"

#include "benchfs/base/crc32c.hpp"
#include "walk.hpp"

#include <algorithm>

namespace benchfs::cli {
namespace {

// All that are on their way stay in the processor's cache from the read through the checksum to the write: with
// four times as much a get takes twice as long.
constexpr std::size_t piece_size = 256 * KiB;

/// Errors after which no other file would do better.
[[nodiscard]] bool ends_all(errc error) noexcept {
    switch (error) {
    case errc::cancelled:
    case errc::no_space:
    case errc::quota_exceeded:
    case errc::peer_down:
    case errc::timed_out:
    case errc::outcome_unknown: // its server is lost, or does not answer
    case errc::no_server:
    case errc::shutting_down:
    case errc::read_only:
        return true;
    default:
        return false;
    }
}

} // namespace

/// Both ends of one file.
struct transfer::open_pair {
    std::unique_ptr<place_file> source;
    std::unique_ptr<place_file> target;
    std::uint64_t there = 0; // bytes at the target that may be right already
    std::string_view fault;  // what is wrong, beside the error
};

std::unique_ptr<std::byte[]> transfer::take_memory() {
    if (memory_.empty()) { return std::make_unique<std::byte[]>(piece_size); }
    auto memory = std::move(memory_.back());
    memory_.pop_back();
    return memory;
}

status transfer::failed(const job& one, errc error, std::string_view hint) {
    ++counts_.failed;
    if (error != errc::cancelled) { report_(one.source.path, error, hint); }
    return ends_all(error) ? status(error) : ok();
}

task<status> transfer::add(std::string source, std::string target) {
    BFS_CO_TRY(std::vector<item> found, co_await from_.scan(std::move(source)));
    for (item& one : found) {
        job next;
        next.target = one.rest.empty() ? target : join(target, one.rest);
        next.source = std::move(one);
        switch (next.source.kind) {
        case item_kind::directory:
            directories_.push_back(std::move(next));
            break;
        case item_kind::symlink:
            links_.push_back(std::move(next));
            break;
        case item_kind::other:
            BFS_CO_CHECK(failed(next, errc::not_supported, "neither a file nor a directory nor a symlink"));
            break;
        case item_kind::file:
            ++counts_.files;
            counts_.bytes += next.source.size;
            files_.push_back(std::move(next));
            break;
        }
    }
    co_return ok();
}

task<status> transfer::run() {
    BFS_CO_CHECK(co_await make_directories());
    const auto copy_one = [this](std::size_t i) { return copy_file(files_[i]); };
    task<status> all = runtime::parallel_for(files_.size(), options_.files_at_once, copy_one);
    BFS_CO_CHECK(co_await std::move(all));
    BFS_CO_CHECK(co_await make_links());
    // Now that all is in them: a directory may be one that its owner cannot write to.
    for (std::size_t i = directories_.size(); i-- > 0;) {
        if (!directories_[i].made) { continue; }
        const status set = co_await to_.set_mode(directories_[i].target, directories_[i].source.mode);
        if (!set) { BFS_CO_CHECK(failed(directories_[i], set.error())); }
    }
    co_return ok();
}

task<status> transfer::make_directories() {
    for (job& one : directories_) {
        const auto made = co_await to_.make_directory(one.target, one.source.mode | 0700);
        if (!made) {
            BFS_CO_CHECK(failed(one, made.error(), "its copy could not be made, so nothing in it is copied"));
            continue;
        }
        one.made = *made;
        ++counts_.directories;
    }
    co_return ok();
}

task<status> transfer::make_links() {
    for (const job& one : links_) {
        const status made = co_await to_.make_symlink(one.source.link, one.target);
        if (made) {
            ++counts_.symlinks;
            continue;
        }
        const bool cannot = made.error() == errc::not_supported;
        BFS_CO_CHECK(failed(one, made.error(), cannot ? "a symlink; -L copies what it points to" : ""));
    }
    co_return ok();
}

task<status> transfer::copy_file(const job& one) {
    open_pair pair;
    if (options_.resume) {
        const auto there = co_await to_.look(one.target);
        if (there && there->kind == item_kind::file) {
            pair.there = there->size;
            if (there->size == one.source.size && there->mtime_ns == one.source.mtime_ns) {
                counts_.bytes_kept += one.source.size;
                counts_.bytes_done += one.source.size;
                ++counts_.files_done;
                co_return ok();
            }
        } else if (!there && ends_all(there.error())) {
            co_return failed(one, there.error());
        }
    }
    auto source = co_await from_.open_source(one.source.path);
    if (!source) { co_return failed(one, source.error()); }
    auto target = co_await to_.open_target(one.target, one.source.mode, options_.resume);
    if (!target) { co_return failed(one, target.error(), "its copy " + one.target + " could not be opened"); }
    pair.source = std::move(*source);
    pair.target = std::move(*target);

    const std::uint64_t size = one.source.size;
    const auto pieces = static_cast<std::size_t>((size + piece_size - 1) / piece_size);
    const auto copy_one = [&](std::size_t i) {
        const std::uint64_t offset = std::uint64_t{i} * piece_size;
        return copy_piece(pair, offset,
                          static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, size - offset)));
    };
    status copied;
    if (pieces == 1) {
        task<status> only = copy_one(0);
        copied = co_await std::move(only);
    } else if (pieces > 1) {
        task<status> all = runtime::parallel_for(pieces, options_.pieces_at_once, copy_one);
        copied = co_await std::move(all);
    }
    if (copied && pair.there > size) { copied = co_await pair.target->truncate(size); }
    if (copied) { copied = co_await pair.target->finish(one.source); }
    if (!copied) { co_return failed(one, copied.error(), pair.fault); }
    ++counts_.files_done;
    if (done_) { done_(one.source, one.target); }
    co_return ok();
}

task<status> transfer::copy_piece(open_pair& pair, std::uint64_t offset, std::size_t size) {
    BFS_CO_TRY(auto turn, co_await pieces_.acquire_permit());
    // Back to the free ones on every path; a read or write that was asked to stop has ended by then.
    struct lease {
        transfer& owner;
        std::unique_ptr<std::byte[]> memory;
        ~lease() { owner.give_back(std::move(memory)); }
    } const held{*this, take_memory()};
    const byte_span bytes(held.memory.get(), size);
    const auto read_exactly = [&bytes](place_file& f, std::uint64_t at) { return f.read(bytes, at); };

    std::uint32_t there = 0;
    bool compare = false;
    if (offset + size <= pair.there) {
        BFS_CO_TRY(const std::size_t got, co_await read_exactly(*pair.target, offset));
        there = crc32c(bytes);
        compare = got == size;
    }
    BFS_CO_TRY(const std::size_t got, co_await read_exactly(*pair.source, offset));
    if (got != size) {
        pair.fault = "it became shorter while it was read";
        co_return errc::io_error;
    }
    const bool checked = pair.source->checks(offset, size) || pair.target->checks(offset, size);
    const bool read_back = options_.read_back || (options_.verify && !checked);
    const std::uint32_t sum = read_back || compare ? crc32c(bytes) : 0;
    if (compare && there == sum) {
        counts_.bytes_kept += size;
        counts_.bytes_done += size;
        co_return ok();
    }
    BFS_CO_CHECK(co_await pair.target->write(bytes, offset));
    counts_.bytes_sent += size;
    if (read_back) {
        BFS_CO_TRY(const std::size_t back, co_await read_exactly(*pair.target, offset));
        if (back != size || crc32c(bytes) != sum) {
            pair.fault = "what was written reads back with another checksum";
            co_return errc::io_error;
        }
    }
    counts_.bytes_done += size;
    co_return ok();
}

} // namespace benchfs::cli
