// Random operations on a real file system and on a model of it: every answer is the same.
#include "model.hpp"
#include "support.hpp"

#include "benchfs/base/prng.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs {
namespace {

using test::model;
using test::node_ptr;

/// One source of operations, below a directory of its own.
class driver {
public:
    driver(file_system& fs, std::string root, std::uint64_t seed)
        : fs_(fs), root_(root), model_(root), random_(seed) {
        for (const char* p : {"/a", "/b", "/d", "/d/x", "/d/y", "/e", "/e/x", "/d/e", "/d/e/z"}) {
            paths_.push_back(root_ + p);
        }
    }
    task<status> run(int operations) {
        BFS_CO_CHECK(co_await fs_.mkdir(root_));
        for (int i = 0; i < operations; ++i) {
            INFO("operation " << i);
            co_await step();
        }
        co_await compare_all();
        co_return ok();
    }

private:
    struct handle {
        file f;
        node_ptr node;
        open_flags flags;
    };

    task<void> step() {
        switch (random_.below(20)) {
        case 0:
        case 1:
        case 2:
            return open();
        case 3:
            return mkdir();
        case 4:
            return simple(false);
        case 5:
            return simple(true);
        case 6:
            return rename();
        case 7:
            return list(random_.below(8) == 0 ? root_ : any());
        case 8:
            return stat(any());
        case 9:
        case 10:
            return truncate();
        case 11:
        case 12:
        case 13:
        case 14:
            return read();
        default:
            return write();
        }
    }

    const std::string& any() { return paths_[random_.below(paths_.size())]; }

    task<void> open() {
        const std::string p = any();
        auto flags = static_cast<open_flags>(random_.below(64));
        if (random_.below(2) == 0) { flags = open_flags::read_write | open_flags::create; }
        static constexpr std::uint32_t sizes[] = {4096, 8192, 12288, 65536, 65536, 0, 6U << 20};
        const std::uint32_t chunk = sizes[random_.below(std::size(sizes))];
        const bool writes = has(flags, open_flags::write) || has(flags, open_flags::append);
        node_ptr node = model_.find(p);
        errc want = model_.way_to(p);
        if (has(flags, open_flags::truncate) && !writes) {
            want = errc::invalid_argument;
        } else if (want == errc::ok && node && has(flags, open_flags::create | open_flags::exclusive)) {
            want = errc::already_exists;
        } else if (want == errc::ok && node && node->directory && (writes || has(flags, open_flags::create))) {
            want = errc::is_a_directory;
        } else if (want == errc::ok && !node && !has(flags, open_flags::create)) {
            want = errc::not_found;
        }
        INFO("open " << p << " flags " << static_cast<unsigned>(flags) << " chunk " << chunk);
        auto opened = co_await fs_.open(p, flags, 0644, chunk);
        REQUIRE(name(opened.error()) == name(want));
        if (!opened || (node && node->directory)) { co_return; }
        if (!node) { node = model_.make(p, false); }
        if (has(flags, open_flags::truncate)) { node->bytes.clear(); }
        if (handles_.size() < 12) {
            handles_.push_back({*opened, node, flags});
        } else {
            handles_[random_.below(handles_.size())] = {*opened, node, flags};
        }
    }

    task<void> mkdir() {
        const std::string p = any();
        INFO("mkdir " << p);
        const errc want = model_.mkdir(p);
        const status got = co_await fs_.mkdir(p);
        REQUIRE(name(got.error()) == name(want));
    }
    task<void> simple(bool directory) {
        const std::string p = any();
        INFO((directory ? "rmdir " : "unlink ") << p);
        const errc want = directory ? model_.rmdir(p) : model_.unlink(p);
        status got;
        if (directory) {
            got = co_await fs_.rmdir(p);
        } else {
            got = co_await fs_.unlink(p);
        }
        REQUIRE(name(got.error()) == name(want));
    }
    task<void> rename() {
        const std::string from = any();
        const std::string to = any();
        INFO("rename " << from << " to " << to);
        const errc want = model_.rename(from, to);
        const status got = co_await fs_.rename(from, to);
        REQUIRE(name(got.error()) == name(want));
    }

    task<void> list(std::string p) {
        INFO("readdir " << p);
        errc want = model_.way_to(p);
        const node_ptr node = model_.find(p);
        if (want == errc::ok) {
            want = !node ? errc::not_found : node->directory ? errc::ok : errc::not_a_directory;
        }
        const auto got = co_await fs_.readdir(p);
        REQUIRE(name(got.error()) == name(want));
        if (!got) { co_return; }
        const auto expected = model_.list(p);
        REQUIRE(got->size() == expected.size());
        std::size_t i = 0;
        for (const auto& [entry, n] : expected) {
            REQUIRE((*got)[i].name == entry);
            REQUIRE((*got)[i].attr.is_directory() == n->directory);
            if (!n->directory) { REQUIRE((*got)[i].attr.size == n->bytes.size()); }
            ++i;
        }
    }

    task<void> stat(std::string p) {
        INFO("stat " << p);
        const errc way = model_.way_to(p);
        const node_ptr node = model_.find(p);
        const auto got = co_await fs_.stat(p);
        const errc want = way != errc::ok ? way : node ? errc::ok : errc::not_found;
        REQUIRE(name(got.error()) == name(want));
        if (!got) { co_return; }
        REQUIRE(got->is_directory() == node->directory);
        if (!node->directory) { REQUIRE(got->size == node->bytes.size()); }
    }

    /// An offset or size: often at the border of a chunk, seldom far away.
    std::uint64_t position(const handle& h, std::uint64_t most) {
        const std::uint64_t chunk = h.f.chunk_size();
        switch (random_.below(4)) {
        case 0:
            return std::min(most, chunk * random_.below(4) + random_.below(3));
        case 1:
            return std::min(most, h.node->bytes.size() + random_.below(5000));
        case 2:
            return random_.below(std::min<std::uint64_t>(most, 20000) + 1);
        default:
            return random_.below(std::min<std::uint64_t>(most, 3 * chunk) + 1);
        }
    }
    std::uint64_t most_of(const handle& h) {
        const bool large = h.f.chunk_size() >= 65536 && random_.below(25) == 0;
        return large ? std::uint64_t{9} << 20 : 200'000;
    }

    task<void> truncate() {
        if (handles_.empty()) { co_return; }
        handle& h = handles_[random_.below(handles_.size())];
        const std::uint64_t size = position(h, most_of(h));
        INFO("truncate to " << size);
        const bool allowed = has(h.flags, open_flags::write) || has(h.flags, open_flags::append);
        const errc want = !allowed ? errc::bad_handle : h.node->gone ? errc::stale_handle : errc::ok;
        const status got = co_await h.f.truncate(size);
        REQUIRE(name(got.error()) == name(want));
        if (got) { h.node->bytes.resize(size); }
    }

    task<void> write() {
        if (handles_.empty()) { co_return; }
        handle& h = handles_[random_.below(handles_.size())];
        const bool appends = has(h.flags, open_flags::append);
        const std::uint64_t most = most_of(h);
        const std::uint64_t offset = position(h, most);
        std::vector<std::byte> bytes(position(h, most - std::min(offset, most)));
        if (h.node->bytes.size() + bytes.size() > (std::size_t{12} << 20)) { co_return; }
        for (std::byte& b : bytes) { b = static_cast<std::byte>(random_.next() >> 32); }
        INFO("write " << bytes.size() << " at " << offset << " flags " << static_cast<unsigned>(h.flags));
        errc want = errc::ok;
        if (!appends && !has(h.flags, open_flags::write)) {
            want = errc::bad_handle;
        } else if (h.node->gone && !bytes.empty()) {
            want = errc::stale_handle;
        }
        const auto got = co_await h.f.write(bytes, offset);
        REQUIRE(name(got.error()) == name(want));
        if (!got || bytes.empty()) { co_return; }
        REQUIRE(*got == bytes.size());
        auto& all = h.node->bytes;
        const std::size_t at = appends ? all.size() : offset;
        all.resize(std::max(all.size(), at + bytes.size()));
        std::copy(bytes.begin(), bytes.end(), all.begin() + static_cast<std::ptrdiff_t>(at));
    }

    task<void> read() {
        if (handles_.empty()) { co_return; }
        handle& h = handles_[random_.below(handles_.size())];
        const std::uint64_t most = most_of(h);
        const std::uint64_t offset = position(h, most);
        co_await read_at(h, offset, position(h, most));
    }
    task<void> read_at(handle& h, std::uint64_t offset, std::uint64_t size) {
        INFO("read " << size << " at " << offset);
        std::vector<std::byte> into(size, std::byte{0xee});
        errc want = errc::ok;
        if (!has(h.flags, open_flags::read)) {
            want = errc::bad_handle;
        } else if (h.node->gone && size != 0) {
            want = errc::stale_handle;
        }
        const auto got = co_await h.f.read(into, offset);
        REQUIRE(name(got.error()) == name(want));
        if (!got) { co_return; }
        const auto& all = h.node->bytes;
        const std::size_t expected =
            offset >= all.size() ? 0 : std::min<std::size_t>(size, all.size() - offset);
        REQUIRE(*got == expected);
        if (expected != 0) { REQUIRE(std::memcmp(into.data(), all.data() + offset, expected) == 0); }
    }

    task<void> compare_all() {
        for (const std::string& p : paths_) {
            co_await stat(p);
            const node_ptr node = model_.find(p);
            if (!node || node->directory || model_.way_to(p) != errc::ok) { continue; }
            auto opened = co_await fs_.open(p, open_flags::read);
            REQUIRE(opened);
            handle h{*opened, node, open_flags::read};
            co_await read_at(h, 0, node->bytes.size() + 10);
        }
        co_await list(root_);
    }

    file_system& fs_;
    std::string root_;
    model model_;
    prng random_;
    std::vector<std::string> paths_;
    std::vector<handle> handles_;
};

task<status> several(file_system& fs, std::uint64_t seed, int how_many, int operations) {
    runtime::call_context& context = co_await runtime::current_context();
    std::vector<std::unique_ptr<driver>> drivers;
    runtime::task_scope scope(context);
    for (int i = 0; i < how_many; ++i) {
        const std::string root = "/run" + std::to_string(seed) + "." + std::to_string(i);
        drivers.push_back(std::make_unique<driver>(fs, root, seed * 100 + static_cast<std::uint64_t>(i)));
        scope.spawn(drivers.back()->run(operations));
    }
    co_return co_await scope.join();
}

void compare(mounted& m, std::uint64_t seeds, int how_many, int operations) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        INFO("seed " << seed);
        REQUIRE(m.run(several(m.fs(), seed, how_many, operations)));
    }
}

TEST_CASE("a file system in memory answers like its model") {
    const auto m = test::embed("");
    compare(*m, 25, 1, 300);
}

TEST_CASE("a file system in memory answers like its model to several tasks at once") {
    const auto m = test::embed("");
    compare(*m, 5, 4, 250);
}

TEST_CASE("a file system on disk answers like its model") {
    const test::scratch dir;
    const auto m = test::embed(dir.path);
    compare(*m, 8, 1, 300);
}

TEST_CASE("a file system on disk answers like its model to several tasks at once") {
    const test::scratch dir;
    const auto m = test::embed(dir.path);
    compare(*m, 3, 4, 200);
}

} // namespace
} // namespace benchfs
