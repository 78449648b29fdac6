// Listings from a server that sends what it likes.
#include "../rpc/support.hpp"

#include "benchfs/base/hash.hpp"
#include "benchfs/client/file_system.hpp"

#include <algorithm>
#include <string>

namespace benchfs {
namespace {

using namespace std::chrono_literals;
using rpc::server_call;
using runtime::task;

/// A server whose root has these names, a few in each page.
struct listing_server {
    std::vector<std::string> names;
    std::size_t page = 2;
    bool deaf = false; // always sends the first page, and says that there is more
    unsigned asked = 0;

    /// In the order in which a good server sends them.
    void sort() {
        std::ranges::sort(names, {},
                          [](const std::string& name) { return std::pair(hash64(name, root_id.value), name); });
    }
    static status lookup(void*, server_call& call) {
        rpc::wire_attributes root;
        root.id = root_id.value;
        root.type = static_cast<std::uint32_t>(file_type::directory);
        root.nlink = 2;
        call.reply<rpc::lookup>(root);
        return ok();
    }
    static task<status> readdir(void* context, server_call& call) {
        listing_server& self = *static_cast<listing_server*>(context);
        if (++self.asked > 100) { co_return errc::cancelled; } // a client that never ends
        const std::string_view after = call.tail<rpc::readdir>();
        const auto behind = std::ranges::find(self.names, after);
        std::size_t at = self.deaf || behind == self.names.end()
                             ? 0
                             : static_cast<std::size_t>(behind - self.names.begin()) + 1;
        rpc::readdir::reply answer;
        std::vector<std::byte> bytes;
        for (; at < self.names.size() && answer.entries < self.page; ++at, ++answer.entries) {
            rpc::wire_entry wire;
            wire.attributes.id = 100 + at;
            wire.attributes.type = static_cast<std::uint32_t>(file_type::file);
            wire.attributes.nlink = 1;
            wire.name_size = static_cast<std::uint32_t>(self.names[at].size());
            const std::size_t start = bytes.size();
            bytes.resize(start + sizeof(wire) + (self.names[at].size() + 7) / 8 * 8);
            std::memcpy(bytes.data() + start, &wire, sizeof(wire));
            std::memcpy(bytes.data() + start + sizeof(wire), self.names[at].data(), self.names[at].size());
        }
        answer.more = self.deaf || at < self.names.size() ? 1 : 0;
        const const_segments all{const_byte_span(bytes)};
        (void)co_await call.reply_with<rpc::readdir>(answer, all);
        co_return ok();
    }
};

struct listing_rig {
    listing_rig() : fs(wires.connect().rpc, *where, {}) {
        wires.server->handle(rpc::lookup::info, &server, listing_server::lookup);
        wires.server->handle(rpc::readdir::info, &server, listing_server::readdir);
    }
    listing_server server;
    rpc::test::rig wires;
    std::unique_ptr<cluster::placement> where = std::move(*cluster::make_placement({}, 1));
    file_system fs;
};

task<errc> list_all(file_system& fs, std::vector<std::string>& into) {
    const result<std::vector<directory_entry>> all = co_await fs.readdir("/");
    if (all) {
        for (const directory_entry& e : *all) { into.push_back(e.name); }
    }
    co_return all.error();
}

task<errc> list_pages(file_system& fs, std::vector<std::string>& into) {
    result<directory_cursor> start = co_await fs.list("/");
    if (!start) { co_return start.error(); }
    directory_cursor at = std::move(*start);
    while (true) {
        result<directory_page> page = co_await fs.list_from(at);
        if (!page) { co_return page.error(); }
        if (page->entries.empty()) { co_return errc::ok; }
        for (const directory_entry& e : page->entries) { into.push_back(e.name); }
        at = std::move(page->next);
    }
}

TEST_CASE_METHOD(listing_rig, "pages of names that rise are a listing, at once and page by page") {
    for (int i = 0; i < 9; ++i) { server.names.push_back("name" + std::to_string(i)); }
    const std::vector<std::string> sorted = server.names;
    server.sort();
    std::vector<std::string> seen;
    REQUIRE(wires.loop.run(list_all(fs, seen)) == errc::ok);
    REQUIRE(seen == sorted);
    seen.clear();
    REQUIRE(wires.loop.run(list_pages(fs, seen)) == errc::ok);
    REQUIRE(seen == server.names);
}

TEST_CASE_METHOD(listing_rig, "a server that sends the same page for ever is refused") {
    server.names = {"one", "two", "three"};
    server.sort();
    server.deaf = true;
    for (const std::size_t page : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
        server.page = page;
        server.asked = 0;
        std::vector<std::string> seen;
        REQUIRE(wires.loop.run(list_all(fs, seen)) == errc::bad_frame);
        REQUIRE(server.asked == 2);
        server.asked = 0;
        REQUIRE(wires.loop.run(list_pages(fs, seen)) == errc::bad_frame);
        REQUIRE(server.asked == 2);
    }
}

TEST_CASE_METHOD(listing_rig, "names that fall, or come twice, are refused within a page too") {
    server.names = {"one", "two", "three"};
    server.sort();
    server.page = 10;
    std::vector<std::string> seen;
    std::swap(server.names[0], server.names[1]);
    REQUIRE(wires.loop.run(list_all(fs, seen)) == errc::bad_frame);
    server.names = {"one", "one"};
    REQUIRE(wires.loop.run(list_pages(fs, seen)) == errc::bad_frame);
}

} // namespace
} // namespace benchfs
