// The simulated disk: what a kill and a power loss leave.
#include "catch.hpp"
#include "disk.hpp"

using namespace benchfs;
using namespace benchfs::sim;

namespace {

std::vector<std::byte> filled(std::size_t size, int value) {
    return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

runtime::task<status> write_some(disk_image& image, std::uint64_t offset, std::vector<std::byte> bytes,
                                 bool sync) {
    sim_disk d(image);
    BFS_CO_TRY(auto f, co_await d.open("a", true));
    for (std::size_t done = 0; done < bytes.size();) {
        const const_byte_span rest = const_byte_span(bytes).subspan(done);
        BFS_CO_TRY(const std::size_t n, co_await f->write(offset + done, rest, -1));
        done += n;
    }
    if (sync) {
        BFS_CO_CHECK(co_await f->sync());
        BFS_CO_CHECK(co_await d.sync_directory());
    }
    co_return ok();
}

std::vector<std::byte> contents(disk_image& image) {
    if (!image.files.contains("a")) { return {}; }
    const pages& now = image.files.at("a")->now;
    std::vector<std::byte> out(now.size);
    now.read(0, out);
    return out;
}

} // namespace

TEST_CASE("what was synced survives power loss, what was not may not, and a kill keeps both") {
    bool lost = false;
    bool kept = false;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        world w(seed);
        disk_image image(w);
        REQUIRE(w.loop().run(write_some(image, 0, filled(4096, 1), true)));
        REQUIRE(w.loop().run(write_some(image, 4096, filled(4096, 2), false)));
        image.kill();
        REQUIRE(contents(image).size() == 8192);
        image.lose_power();
        const std::vector<std::byte> after = contents(image);
        REQUIRE(after.size() >= 4096);
        CHECK(std::vector<std::byte>(after.begin(), after.begin() + 4096) == filled(4096, 1));
        const bool whole = after.size() == 8192 &&
                           std::vector<std::byte>(after.begin() + 4096, after.end()) == filled(4096, 2);
        (whole ? kept : lost) = true;
    }
    CHECK(lost);
    CHECK(kept);
}

TEST_CASE("a disk of an earlier life changes nothing") {
    world w(1);
    disk_image image(w);
    sim_disk old(image);
    image.kill();
    const auto opened = w.loop().run(old.open("a", true));
    CHECK(opened.error() == errc::io_error);
    CHECK(image.files.empty());
}

TEST_CASE("a full disk says so") {
    world w(1);
    disk_image image(w);
    image.faults.byte_budget = 4096;
    REQUIRE(w.loop().run(write_some(image, 0, filled(4096, 1), false)));
    const status more = w.loop().run(write_some(image, 4096, filled(1, 1), false));
    CHECK(more.error() == errc::no_space);
}
