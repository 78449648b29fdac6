// fsck names every fault that is planted into a server's tables and store, repairs the safe ones, and takes
// nothing for a fault that is only being changed.
#include "loopback_cluster.hpp"

#include "benchfs/client/fsck.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

#include <functional>

namespace benchfs {
namespace {

using runtime::task;
using test::loopback_cluster;

constexpr std::uint32_t chunk_bytes = loopback_cluster::chunk_size;
constexpr open_flags writable = open_flags::read_write | open_flags::create;

task<result<attributes>> write_file(file_system& fs, std::string path, std::size_t bytes) {
    const std::vector<std::byte> data(bytes, std::byte{7});
    BFS_CO_TRY(file f, co_await fs.open(path, writable));
    if (bytes != 0) { BFS_CO_CHECK(co_await f.write(data, 0)); }
    co_return co_await f.stat();
}

attributes new_file(loopback_cluster& c, const std::string& path, std::size_t bytes) {
    const result<attributes> a = c.run(write_file(c.fs(), path, bytes));
    REQUIRE(a);
    return *a;
}

fsck_report check(loopback_cluster& c, bool repair = false, bool deep = false) {
    fsck_options options;
    options.repair = repair;
    options.deep = deep;
    options.pause = std::chrono::milliseconds(5);
    fsck_report report;
    server_id failed{};
    REQUIRE(c.run(fsck(c.fs(), options, report, failed)));
    return report;
}

/// One fault of this kind, and no other.
void only(const fsck_report& r, fault_kind kind, file_id file) {
    for (const fault& f : r.faults) { UNSCOPED_INFO(name_of(f.kind) << " " << f.path << ": " << f.text); }
    REQUIRE(r.faults.size() == 1);
    CHECK(r.faults[0].kind == kind);
    CHECK(r.faults[0].file == file);
}

void repaired(loopback_cluster& c) {
    const fsck_report r = check(c, true);
    REQUIRE(r.faults.size() == 1);
    INFO(r.faults[0].outcome);
    CHECK(r.left() == 0);
    CHECK(check(c).faults.empty());
}

void left(loopback_cluster& c) {
    const fsck_report r = check(c, true);
    CHECK(r.left() == r.faults.size());
    CHECK(check(c).faults.size() == r.faults.size());
}

/// A file of as many chunks as put one on each server, and the first chunk that is not at home.
struct striped_file {
    attributes a;
    chunk_id away;
};
striped_file new_striped(loopback_cluster& c, const std::string& path) {
    const attributes a = new_file(c, path, std::size_t{4} * chunk_bytes + 100);
    chunk_id away{a.id, 1};
    while (c.server_of(away) == a.id.home() && away.index < 4) { ++away.index; }
    return {a, away};
}

} // namespace

TEST_CASE("fsck finds nothing wrong with what programs may do, and counts it") {
    for (const unsigned servers : {1U, 3U}) {
        loopback_cluster c(servers);
        file_system& fs = c.fs();
        REQUIRE(c.run(fs.mkdir("/d")));
        for (int i = 0; i < 20; ++i) { (void)new_file(c, "/d/f" + std::to_string(i), 300'000); }
        for (int i = 0; i < 10; ++i) { // names elsewhere than the files
            REQUIRE(c.run(fs.rename("/d/f" + std::to_string(i), "/moved" + std::to_string(i))));
        }
        REQUIRE(c.run(fs.unlink("/moved3")));
        REQUIRE(c.run(fs.truncate("/moved4", 100)));
        REQUIRE(c.run(fs.truncate("/moved5", 9'000'000))); // a hole at the end
        REQUIRE(c.run(fs.symlink("/none", "/link")));
        (void)new_file(c, "/empty", 0);
        const fsck_report r = check(c, false, true);
        for (const fault& f : r.faults) { UNSCOPED_INFO(name_of(f.kind) << " " << f.path << ": " << f.text); }
        CHECK(r.faults.empty());
        CHECK(r.files == 21);
        CHECK(r.directories == 2);
        CHECK(r.names == 22);
        CHECK(r.bytes == 18 * 300'000 + 100);
        CHECK(r.bytes_read == r.bytes);
        CHECK(r.files_with_holes == 1);
    }
}

TEST_CASE("fsck lists more than one page of everything") {
    loopback_cluster c(2);
    REQUIRE(c.run(c.fs().mkdir("/d")));
    constexpr unsigned many = 5000;
    for (unsigned i = 0; i < many; ++i) { (void)new_file(c, "/d/" + std::to_string(i), 1); }
    (void)new_file(c, "/large", 300 * std::size_t{chunk_bytes});
    const fsck_report r = check(c);
    CHECK(r.faults.empty());
    CHECK(r.files == many + 1);
    CHECK(r.names == many + 2);
    CHECK(r.chunks == many + 300);
}

TEST_CASE("fsck names a chunk without a file and removes it") {
    loopback_cluster c(3);
    const striped_file f = new_striped(c, "/f");
    SECTION("at home, of a file that never was") {
        const file_id never = file_id::make(server_id{1}, 12345);
        REQUIRE(c.store(server_id{1}, {never, 0}, 0, 5000));
        only(check(c), fault_kind::orphan_chunk, never);
    }
    SECTION("elsewhere, several chunks of one file") {
        const file_id never = file_id::make(server_id{1}, 12345);
        for (std::uint32_t i = 1; i < 10; ++i) {
            if (c.server_of({never, i}) == server_id{2}) { REQUIRE(c.store(server_id{2}, {never, i}, 0, 10)); }
        }
        only(check(c), fault_kind::orphan_chunk, never);
    }
    SECTION("of a home that the cluster does not have") {
        const file_id strange = file_id::make(server_id{77}, 1);
        REQUIRE(c.store(server_id{0}, {strange, 3}, 0, 10));
        only(check(c), fault_kind::orphan_chunk, strange);
    }
    repaired(c);
    CHECK(c.run(c.fs().stat("/f"))->size == f.a.size);
}

TEST_CASE("fsck names a missing chunk and leaves it") {
    loopback_cluster c(3);
    SECTION("the last one, of a file that was only written to") {
        const attributes a = new_file(c, "/f", 5 * std::size_t{chunk_bytes} - 10);
        const chunk_id last{a.id, 4};
        REQUIRE(c.run(c.server(c.server_of(last)).store().remove(last)));
        const fsck_report r = check(c);
        only(r, fault_kind::missing_chunk, a.id);
        CHECK(r.faults[0].chunk == 4);
        CHECK(r.faults[0].server == c.server_of(last));
        CHECK(r.faults[0].path == "/f");
    }
    SECTION("its last bytes") {
        const attributes a = new_file(c, "/f", 5000);
        REQUIRE(c.run(c.home_of(a.id).store().truncate({a.id, 0}, 4096)));
        only(check(c), fault_kind::missing_chunk, a.id);
    }
    left(c);
}

TEST_CASE("fsck tells holes from missing chunks only where it can") {
    loopback_cluster c(1);
    const attributes a = new_file(c, "/f", 5 * std::size_t{chunk_bytes});
    REQUIRE(c.run(c.home_of(a.id).store().remove({a.id, 2}))); // as a sparse file has it
    const fsck_report r = check(c);
    CHECK(r.faults.empty());
    CHECK(r.holes == 1);
}

TEST_CASE("fsck names a size that is too small and corrects it") {
    loopback_cluster c(3);
    const striped_file f = new_striped(c, "/f");
    const std::uint64_t size = f.a.size;
    SECTION("at home") {
        c.home_of(f.a.id).names().state().inodes.find(f.a.id)->size = 100;
        only(check(c), fault_kind::wrong_size, f.a.id);
        repaired(c);
        CHECK(c.run(c.fs().stat("/f"))->size == size);
    }
    SECTION("bytes beyond the end, elsewhere") {
        chunk_id far{f.a.id, 20};
        while (c.server_of(far) == f.a.id.home()) { ++far.index; }
        REQUIRE(c.store(c.server_of(far), far, 0, 1000));
        only(check(c), fault_kind::wrong_size, f.a.id);
        repaired(c);
        CHECK(c.run(c.fs().stat("/f"))->size == std::uint64_t{far.index} * chunk_bytes + 1000);
    }
}

TEST_CASE("fsck cuts a chunk that is longer than chunks of its file are") {
    loopback_cluster c(3);
    const striped_file f = new_striped(c, "/f");
    REQUIRE(c.store(c.server_of(f.away), f.away, chunk_bytes, 4096));
    only(check(c), fault_kind::long_chunk, f.a.id);
    repaired(c);
    CHECK(c.server(c.server_of(f.away)).store().length(f.away) == chunk_bytes);
}

TEST_CASE("fsck names a chunk on the wrong server and leaves it") {
    loopback_cluster c(3);
    const striped_file f = new_striped(c, "/f");
    const auto wrong = static_cast<server_id>((index(c.server_of(f.away)) + 1) % 3);
    REQUIRE(c.store(wrong, f.away, 0, 10));
    only(check(c), fault_kind::misplaced_chunk, f.a.id);
    left(c);
}

TEST_CASE("fsck names names without files and files without names") {
    loopback_cluster c(3);
    REQUIRE(c.run(c.fs().mkdir("/d")));
    const file_id d = c.run(c.fs().stat("/d"))->id;
    const attributes a = new_file(c, "/d/f", 5000);
    metadata::name_space& home = c.home_of(a.id).names();
    SECTION("a name that means nothing") {
        REQUIRE(c.run(c.home_of(a.id).store().remove({a.id, 0})));
        REQUIRE(home.drop_inode(a.id));
        const fsck_report r = check(c);
        only(r, fault_kind::dangling_name, a.id);
        CHECK(r.faults[0].path == "/d/f");
        repaired(c);
        CHECK(c.run(c.fs().stat("/d/f")).error() == errc::not_found);
    }
    SECTION("a file without a name gets one") {
        home.unlink_entry(d, "f");
        only(check(c), fault_kind::nameless_file, a.id);
        repaired(c);
        const auto found = c.run(c.fs().readdir("/lost+found"));
        REQUIRE((found && found->size() == 1));
        CHECK((*found)[0].attr.id == a.id);
        CHECK((*found)[0].attr.size == 5000);
    }
    SECTION("a directory without a name is left") {
        const server_id holder = cluster::place_name(c.placement(), root_id, "d");
        c.server(holder).names().unlink_entry(root_id, "d");
        only(check(c), fault_kind::nameless_file, d);
        left(c);
    }
    SECTION("a file in a directory that is gone is found again") {
        c.server(cluster::place_name(c.placement(), root_id, "d")).names().unlink_entry(root_id, "d");
        REQUIRE(c.home_of(d).names().drop_inode(d));
        only(check(c), fault_kind::lost_name, a.id);
        repaired(c);
        const auto found = c.run(c.fs().readdir("/lost+found"));
        REQUIRE((found && found->size() == 1));
        CHECK((*found)[0].attr.id == a.id);
    }
    SECTION("two names for one file are left") {
        const server_id holder = cluster::place_name(c.placement(), root_id, "second");
        REQUIRE(c.server(holder).names().link(root_id, "second", {a.id, metadata::file_type::file}));
        only(check(c), fault_kind::several_names, a.id);
        left(c);
    }
    SECTION("a name on the wrong server is left") {
        const server_id holder = cluster::place_name(c.placement(), root_id, "g");
        const attributes g = new_file(c, "/g", 1);
        const auto wrong = static_cast<server_id>((index(holder) + 1) % 3);
        c.server(holder).names().unlink_entry(root_id, "g");
        REQUIRE(c.server(wrong).names().link(root_id, "g", {g.id, metadata::file_type::file}));
        only(check(c), fault_kind::misplaced_name, g.id);
        left(c);
    }
}

TEST_CASE("a server repairs nothing that is not wrong") {
    loopback_cluster c(3);
    const striped_file f = new_striped(c, "/f");
    const auto ask = [&](server_id at, rpc::repair::request what, std::string_view name = {}) {
        rpc::call_extra extra;
        extra.tail = std::as_bytes(std::span(name));
        return c.run(c.fs().calls().call<rpc::repair>(at, what, extra));
    };
    rpc::repair::request what;
    what.id = f.a.id.value;
    what.chunk = f.away.index;
    what.action = rpc::repair::drop_chunk;
    CHECK(ask(c.server_of(f.away), what)->done == 0);
    what.action = rpc::repair::grow_file;
    CHECK(ask(f.a.id.home(), what)->done == 0);
    what.action = rpc::repair::drop_name;
    what.parent = root_id.value;
    CHECK(ask(cluster::place_name(c.placement(), root_id, "f"), what, "f")->done == 0);
    // A name that means something else by now, or belongs on another server.
    what.action = rpc::repair::name_file;
    (void)new_file(c, "/g", 1);
    const server_id holder = cluster::place_name(c.placement(), root_id, "g");
    CHECK(ask(holder, what, "g").error() == errc::already_exists);
    CHECK(ask(static_cast<server_id>((index(holder) + 1) % 3), what, "g").error() == errc::invalid_argument);
    what.action = 99;
    CHECK(ask(holder, what).error() == errc::not_supported);
    // Bytes that a truncation has cut off do not make the file longer.
    what.action = rpc::repair::grow_file;
    c.home_of(f.a.id).names().state().inodes.find(f.a.id)->size = 100;
    c.home_of(f.a.id).names().state().inodes.find(f.a.id)->epoch = 9;
    what.epoch = 9;
    CHECK(ask(f.a.id.home(), what)->done == 0);
    CHECK(check(c).faults.size() == 1);
    left(c);
}

namespace {

/// Makes, writes, moves, truncates and removes files until told to stop.
task<status> busy(file_system& fs, unsigned who, std::function<bool()> stopped) {
    const std::string mine = "/busy" + std::to_string(who);
    for (unsigned i = 0; !stopped(); ++i) {
        const std::string name = mine + "-" + std::to_string(i % 7);
        task<result<attributes>> writing = write_file(fs, name, 3 * std::size_t{chunk_bytes} + i % 1000);
        BFS_CO_CHECK(co_await std::move(writing));
        BFS_CO_CHECK(co_await fs.rename(name, mine + "-moved"));
        if (i % 3 == 0) { BFS_CO_CHECK(co_await fs.truncate(mine + "-moved", 70'000)); }
        BFS_CO_TRY(file f, co_await fs.open(mine + "-moved", open_flags::write | open_flags::append));
        const std::vector<std::byte> data(chunk_bytes, std::byte{1});
        BFS_CO_CHECK(co_await f.write(data, 0));
        BFS_CO_CHECK(co_await fs.unlink(mine + "-moved"));
    }
    co_return ok();
}

task<status> check_often(file_system& fs, int times, bool& stop, std::vector<std::string>& found) {
    for (int i = 0; i < times; ++i) {
        fsck_options options;
        options.repair = true;
        options.pause = std::chrono::milliseconds(3);
        fsck_report report;
        server_id failed{};
        task<status> checking = fsck(fs, options, report, failed);
        BFS_CO_CHECK(co_await std::move(checking));
        for (const fault& f : report.faults) {
            found.push_back(std::string(name_of(f.kind)) + " " + f.path + ": " + f.text + "; " + f.outcome);
        }
    }
    stop = true;
    co_return ok();
}

task<status> check_while_busy(file_system& fs, std::vector<std::string>& found) {
    bool stop = false;
    runtime::call_context& context = co_await runtime::current_context();
    runtime::task_scope scope(context);
    for (unsigned i = 0; i < 3; ++i) {
        scope.spawn(busy(fs, i, [&stop] { return stop; }));
    }
    scope.spawn(check_often(fs, 40, stop, found));
    co_return co_await scope.join();
}

} // namespace

TEST_CASE("fsck takes nothing that is in flight for a fault") {
    loopback_cluster c(3);
    std::vector<std::string> found;
    REQUIRE(c.run(check_while_busy(c.fs(), found)));
    for (const std::string& one : found) { UNSCOPED_INFO(one); }
    CHECK(found.empty());
    CHECK(check(c).faults.empty());
}

} // namespace benchfs
