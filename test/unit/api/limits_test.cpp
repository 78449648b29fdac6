// The edges of names, directories and chunk sizes, through the whole of an embedded file system.
#include "support.hpp"

#include <cstring>
#include <vector>

namespace benchfs {
namespace {

constexpr open_flags made = open_flags::read_write | open_flags::create;
constexpr unsigned many = 20'000;

task<status> make_empty(file_system& fs, std::string path) {
    BFS_CO_TRY(file f, co_await fs.open(path, made));
    co_return co_await f.close();
}

task<status> long_names(file_system& fs) {
    const std::string longest = "/" + std::string(255, 'n');
    BFS_CO_CHECK(co_await make_empty(fs, longest));
    BFS_CO_TRY(const attributes found, co_await fs.stat(longest));
    CHECK(found.size == 0);
    const std::string longer = "/" + std::string(256, 'n');
    const status refused = co_await make_empty(fs, longer);
    CHECK(refused.error() == errc::name_too_long);
    const status no_directory = co_await fs.mkdir(longer);
    CHECK(no_directory.error() == errc::name_too_long);
    const result<attributes> unknown = co_await fs.stat(longer);
    CHECK(unknown.error() == errc::name_too_long);
    const status not_moved = co_await fs.rename(longest, longer);
    CHECK(not_moved.error() == errc::name_too_long);
    BFS_CO_TRY(const std::vector<directory_entry> entries, co_await fs.readdir("/"));
    CHECK(entries.size() == 1);
    co_return ok();
}

std::string numbered(unsigned i) { return "file.mdtest.0." + std::to_string(i); }

task<status> large_directory(file_system& fs) {
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    for (unsigned i = 0; i < many; ++i) { BFS_CO_CHECK(co_await make_empty(fs, "/d/" + numbered(i))); }
    BFS_CO_TRY(const std::vector<directory_entry> entries, co_await fs.readdir("/d"));
    REQUIRE(entries.size() == many);
    std::vector<bool> seen(many, false);
    for (const directory_entry& e : entries) {
        const unsigned long i = std::stoul(e.name.substr(e.name.rfind('.') + 1));
        REQUIRE(i < many);
        CHECK(e.name == numbered(static_cast<unsigned>(i)));
        CHECK_FALSE(seen[i]);
        seen[i] = true;
    }
    co_return ok();
}

/// Page by page, while after every page some entries go that were shown, some that were not, and others come.
task<status> list_under_change(file_system& fs) {
    constexpr unsigned stays = 3; // every third one, from beginning to end
    BFS_CO_CHECK(co_await fs.mkdir("/d"));
    for (unsigned i = 0; i < many; ++i) { BFS_CO_CHECK(co_await make_empty(fs, "/d/" + numbered(i))); }
    BFS_CO_TRY(directory_cursor at, co_await fs.list("/d"));
    std::vector<int> seen(2 * std::size_t{many}, 0);
    std::string where = "/d";
    unsigned pages = 0;
    unsigned changed = 0;
    while (true) {
        BFS_CO_TRY(directory_page page, co_await fs.list_from(at));
        if (page.entries.empty()) { break; }
        ++pages;
        for (const directory_entry& e : page.entries) {
            CHECK(e.attr.nlink == 1);
            ++seen.at(std::stoul(e.name.substr(e.name.rfind('.') + 1)));
        }
        const std::string last = page.entries.back().name;
        if (std::stoul(last.substr(last.rfind('.') + 1)) % stays != 0) {
            (void)co_await fs.unlink(where + "/" + last); // the very one behind which it goes on
        }
        for (unsigned i = 0; i < 200; ++i, ++changed) {
            if (changed % stays == 0) { continue; }
            (void)co_await fs.unlink(where + "/" + numbered(changed));
            BFS_CO_CHECK(co_await make_empty(fs, where + "/" + numbered(many + changed)));
        }
        at = std::move(page.next);
        if (pages == 2) {
            BFS_CO_TRY(const directory_page again, co_await fs.list_from(at)); // nothing is used up by that
            CHECK_FALSE(again.entries.empty());
            BFS_CO_CHECK(co_await fs.rename(where, "/moved"));
            where = "/moved";
        }
    }
    CHECK(pages > 10);
    for (unsigned i = 0; i < many; i += stays) { CHECK(seen[i] == 1); }
    for (const int times : seen) { CHECK(times <= 1); }
    const result<directory_cursor> none = co_await fs.list(where + "/" + numbered(0));
    CHECK(none.error() == errc::not_a_directory);
    BFS_CO_CHECK(co_await fs.mkdir("/gone"));
    BFS_CO_TRY(directory_cursor gone, co_await fs.list("/gone"));
    BFS_CO_CHECK(co_await fs.rmdir("/gone"));
    const result<directory_page> stale = co_await fs.list_from(gone);
    CHECK(stale.error() == errc::stale_handle);
    co_return ok();
}

/// Bytes that tell their offset.
std::vector<std::byte> words(std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    for (std::uint64_t at = 0; at + 8 <= bytes; at += 8) { std::memcpy(data.data() + at, &at, 8); }
    return data;
}

task<status> large_chunks(file_system& fs) {
    constexpr std::uint32_t chunk = 6 << 20;
    BFS_CO_TRY(file f, co_await fs.open("/large", made, 0644, chunk));
    CHECK(f.chunk_size() == chunk);
    const std::vector<std::byte> data = words(2 * std::size_t{chunk} + 4096);
    BFS_CO_TRY(const std::size_t written, co_await f.write(data, 0));
    CHECK(written == data.size());
    std::vector<std::byte> back(data.size());
    BFS_CO_TRY(const std::size_t read, co_await f.read(back, 0));
    CHECK(read == data.size());
    CHECK(back == data);
    // Across the border of two chunks.
    BFS_CO_TRY(const std::size_t part, co_await f.read(byte_span(back).first(8192), chunk - 4096));
    CHECK(part == 8192);
    CHECK(std::memcmp(back.data(), data.data() + chunk - 4096, 8192) == 0);
    BFS_CO_CHECK(co_await f.truncate(chunk + 1));
    BFS_CO_TRY(const attributes about, co_await f.stat());
    CHECK(about.size == chunk + 1);
    for (const std::uint32_t bad : {1U, 4095U, 65U << 20}) {
        const result<file> refused = co_await fs.open("/bad", made, 0644, bad);
        CHECK(refused.error() == errc::invalid_argument);
    }
    co_return ok();
}

/// As many chunks as a file can have, two of them there: cutting looks at those.
task<status> sparse_file(file_system& fs) {
    constexpr std::uint32_t chunk = 4096;
    constexpr std::uint64_t far = std::uint64_t{1} << 43; // 2^31 chunks
    const std::vector<std::byte> data = words(chunk);
    BFS_CO_TRY(const file_system_usage before, co_await fs.usage());
    BFS_CO_TRY(file f, co_await fs.open("/sparse", made, 0644, chunk));
    BFS_CO_CHECK(co_await f.write(data, 0));
    BFS_CO_CHECK(co_await f.write(data, 5 * chunk));
    BFS_CO_CHECK(co_await f.write(data, far));
    BFS_CO_CHECK(co_await f.truncate(2 * far));
    BFS_CO_CHECK(co_await f.truncate(5 * chunk + 100));
    BFS_CO_CHECK(co_await f.truncate(2 * far));
    std::vector<std::byte> back(7 * chunk);
    BFS_CO_TRY(const std::size_t read, co_await f.read(back, 0));
    CHECK(read == back.size());
    std::vector<std::byte> expected(7 * chunk);
    std::memcpy(expected.data(), data.data(), chunk);
    std::memcpy(expected.data() + 5 * chunk, data.data(), 100);
    CHECK(back == expected);
    BFS_CO_TRY(const std::size_t cut, co_await f.read(back, far));
    CHECK(cut == back.size());
    CHECK(back == std::vector<std::byte>(back.size()));
    BFS_CO_CHECK(co_await fs.unlink("/sparse"));
    BFS_CO_TRY(const file_system_usage after, co_await fs.usage());
    CHECK(after.bytes_used == before.bytes_used);
    co_return ok();
}

/// A file has one name, and whoever asks for another one hears so.
task<status> no_second_name(file_system& fs) {
    BFS_CO_CHECK(co_await make_empty(fs, "/file"));
    const status refused = co_await file_system::link("/file", "/other");
    CHECK(refused.error() == errc::not_supported);
    const status relative = co_await file_system::link("file", "/other");
    CHECK(relative.error() == errc::invalid_argument);
    const status nothing = co_await file_system::link("/file", "");
    CHECK(nothing.error() == errc::invalid_argument);
    const std::string longer = "/" + std::string(256, 'n');
    const status too_long = co_await file_system::link("/file", longer);
    CHECK(too_long.error() == errc::name_too_long);
    BFS_CO_TRY(const std::vector<directory_entry> entries, co_await fs.readdir("/"));
    CHECK(entries.size() == 1);
    co_return ok();
}

void run_on_both(task<status> (*work)(file_system&)) {
    for (const bool on_disk : {false, true}) {
        DYNAMIC_SECTION((on_disk ? "io_uring engine" : "memory engine")) {
            test::scratch place;
            const auto fs = test::embed(on_disk ? place.path + "/data" : "");
            const status done = fs->run(work(fs->fs()));
            INFO(name(done.error()));
            CHECK(done);
        }
    }
}

} // namespace

TEST_CASE("a name has 255 bytes at most") { run_on_both(long_names); }

TEST_CASE("a file has no second name") { run_on_both(no_second_name); }

TEST_CASE("a directory of 20,000 files lists each of them once") { run_on_both(large_directory); }

TEST_CASE("a listing page by page shows what stays once, whatever comes and goes") {
    run_on_both(list_under_change);
}

TEST_CASE("a file with a hole of 2^31 chunks is cut and removed at once") { run_on_both(sparse_file); }

TEST_CASE("chunks of 6 MiB hold and return what was written") { run_on_both(large_chunks); }

} // namespace benchfs
