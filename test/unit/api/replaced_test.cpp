// What a rename replaces goes as if it had been unlinked: nothing that its server kept of it stays.
#include "loopback_cluster.hpp"

#include "benchfs/runtime/sleep.hpp"

namespace benchfs {
namespace {

using runtime::task;
using test::loopback_cluster;

constexpr open_flags newly_made = open_flags::read_write | open_flags::create;

/// What all servers hold: notes, inodes and bytes.
struct held {
    std::size_t notes = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    friend bool operator==(const held&, const held&) = default;
};

held all_of(loopback_cluster& c, unsigned servers) {
    held all;
    for (unsigned i = 0; i < servers; ++i) {
        server::instance& one = c.server(static_cast<server_id>(i));
        all.notes += one.statistics().services.notes.size();
        all.files += one.names().counts().files;
        all.bytes += one.store().stats().bytes_used;
    }
    return all;
}

/// A link or a file of a few chunks is made beside the old one, and takes its place.
task<status> replace(file_system& fs, bool with_file, std::string old_name) {
    if (with_file) {
        const std::vector<std::byte> data(3 * std::size_t{loopback_cluster::chunk_size}, std::byte{7});
        BFS_CO_TRY(file f, co_await fs.open("/new", newly_made));
        BFS_CO_CHECK(co_await f.write(data, 0));
    } else {
        BFS_CO_CHECK(co_await fs.symlink("/somewhere/far/away", "/new"));
    }
    co_return co_await fs.rename("/new", old_name);
}

/// Servers tell each other what is gone after the answer.
bool all_told(loopback_cluster& c, unsigned servers) {
    std::size_t pending = 0;
    for (unsigned i = 0; i < servers; ++i) {
        using server::note_kind;
        const server::note_table& notes = c.server(static_cast<server_id>(i)).statistics().services.notes;
        for (const note_kind kind : {note_kind::intent, note_kind::duty, note_kind::moved}) {
            notes.for_each(kind, [&](std::uint64_t, const_byte_span) { ++pending; });
        }
    }
    return pending == 0;
}

task<status> look_again() { co_return co_await runtime::sleep_for(std::chrono::milliseconds(10)); }

held once_told(loopback_cluster& c, unsigned servers) {
    for (int i = 0; i < 500 && !all_told(c, servers); ++i) { REQUIRE(c.run(look_again())); }
    REQUIRE(all_told(c, servers));
    return all_of(c, servers);
}

} // namespace

TEST_CASE("a link or file that a rename replaces leaves nothing behind") {
    const unsigned servers = GENERATE(1U, 3U);
    const bool old_is_file = GENERATE(false, true);
    const bool new_is_file = GENERATE(false, true);
    INFO(servers << " servers, a " << (new_is_file ? "file" : "link") << " over a "
                 << (old_is_file ? "file" : "link"));
    loopback_cluster c(servers);
    for (int i = 0; i < 4; ++i) { // names on all of the servers
        REQUIRE(c.run(replace(c.fs(), new_is_file, "/name" + std::to_string(i))));
    }
    const held one = once_told(c, servers);
    for (int i = 0; i < 4; ++i) {
        const std::string path = "/name" + std::to_string(i);
        REQUIRE(c.run(replace(c.fs(), old_is_file, path)));
        for (int again = 0; again < 3; ++again) { REQUIRE(c.run(replace(c.fs(), new_is_file, path))); }
    }
    const held now = once_told(c, servers);
    CHECK(now.notes == one.notes);
    CHECK(now.files == one.files);
    CHECK(now.bytes == one.bytes);
}

} // namespace benchfs
