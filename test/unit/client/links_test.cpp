// Symbolic links that another client removes, or replaces, between the look at their name and the look at where
// they point to.
#include "../rpc/support.hpp"

#include "benchfs/client/file_system.hpp"

#include <string>

namespace benchfs {
namespace {

using rpc::server_call;
using runtime::task;

constexpr std::uint64_t link_id = 50;
constexpr std::uint64_t directory_id = 60;
constexpr std::uint64_t file_number = 70;

/// A server on which every name is a link at first. When somebody reads a link it has just gone, `times` times,
/// and its name means what `then` says from then on.
struct fickle_server {
    enum class after : std::uint8_t { nothing, file, directory, link };
    after then = after::nothing;
    int times = 1;
    unsigned links_read = 0;

    [[nodiscard]] static rpc::wire_attributes of(std::uint64_t id, file_type type) {
        rpc::wire_attributes a;
        a.id = id;
        a.type = static_cast<std::uint32_t>(type);
        a.nlink = 1;
        a.chunk_size = 1 * MiB;
        return a;
    }
    /// What a name means now; an id of 0: nothing.
    [[nodiscard]] rpc::wire_attributes meaning(std::uint64_t parent, std::string_view name) const {
        if (name.empty()) { return of(root_id.value, file_type::directory); }
        if (parent == directory_id || name == "target") { return of(file_number, file_type::file); }
        if (times > 0 || then == after::link) { return of(link_id, file_type::symlink); }
        if (then == after::nothing) { return of(0, file_type::file); }
        return then == after::file ? of(file_number, file_type::file) : of(directory_id, file_type::directory);
    }
    static status lookup(void* context, server_call& call) {
        const fickle_server& self = *static_cast<fickle_server*>(context);
        const auto asked = call.request<rpc::lookup>();
        const rpc::wire_attributes found = self.meaning(asked.parent, call.tail<rpc::lookup>());
        if (found.id == 0) { return errc::not_found; }
        call.reply<rpc::lookup>(found);
        return ok();
    }
    static status create(void* context, server_call& call) {
        const fickle_server& self = *static_cast<fickle_server*>(context);
        const auto asked = call.request<rpc::create>();
        rpc::create::reply answer;
        answer.attributes = self.meaning(asked.where.parent, call.tail<rpc::create>());
        if (answer.attributes.id == 0) {
            answer.attributes.id = file_number;
            answer.created = 1;
        }
        call.reply<rpc::create>(answer);
        return ok();
    }
    static task<status> readlink(void* context, server_call& call) {
        fickle_server& self = *static_cast<fickle_server*>(context);
        ++self.links_read;
        if (self.times > 0) {
            --self.times;
            co_return errc::stale_handle;
        }
        const std::string target = "/target";
        const const_segments bytes{std::as_bytes(std::span(target))};
        (void)co_await call.reply_with<rpc::readlink>({target.size()}, bytes);
        co_return ok();
    }
};

struct fickle_rig {
    fickle_rig() : fs(wires.connect().rpc, *where, {}) {
        wires.server->handle(rpc::lookup::info, &server, fickle_server::lookup);
        wires.server->handle(rpc::create::info, &server, fickle_server::create);
        wires.server->handle(rpc::readlink::info, &server, fickle_server::readlink);
    }
    [[nodiscard]] errc open(const std::string& path, open_flags flags) {
        const result<file> opened = wires.loop.run(fs.open(path, flags));
        if (opened) { CHECK(opened->id().value == file_number); }
        return opened.error();
    }
    fickle_server server;
    rpc::test::rig wires;
    std::unique_ptr<cluster::placement> where = std::move(*cluster::make_placement({}, 1));
    file_system fs;
};

using after = fickle_server::after;

TEST_CASE_METHOD(fickle_rig, "a file is made in the place of a link that goes while it is opened") {
    CHECK(open("/name", open_flags::write | open_flags::create) == errc::ok);
    CHECK(server.links_read == 1);
}

TEST_CASE_METHOD(fickle_rig, "what replaces a link while it is followed is opened") {
    server.then = GENERATE(after::file, after::link);
    server.times = 3;
    const open_flags create = GENERATE(open_flags::read, open_flags::read | open_flags::create);
    CHECK(open("/name", create) == errc::ok);
    CHECK(server.links_read == (server.then == after::link ? 4 : 3));
}

TEST_CASE_METHOD(fickle_rig, "a link in the middle of a path may be replaced while it is followed") {
    server.then = after::directory;
    CHECK(open("/name/in", open_flags::read) == errc::ok);
    server.times = 1;
    CHECK(open("/other/in", open_flags::write | open_flags::create) == errc::ok);
    CHECK(server.links_read == 2);
}

TEST_CASE_METHOD(fickle_rig, "where a link pointed to is not told of the one that replaced it") {
    server.then = GENERATE(after::link, after::file, after::nothing);
    const result<std::string> target = wires.loop.run(fs.readlink("/name"));
    if (server.then == after::link) {
        REQUIRE(target);
        CHECK(*target == "/target");
    } else {
        CHECK(target.error() == (server.then == after::file ? errc::invalid_argument : errc::not_found));
    }
}

TEST_CASE_METHOD(fickle_rig, "a link that is gone for good leads nowhere") {
    CHECK(open("/name", open_flags::read) == errc::not_found);
    CHECK(server.links_read == 1);
}

TEST_CASE_METHOD(fickle_rig, "nobody looks for ever at a link that is never there to be read") {
    server.times = 1 << 30;
    CHECK(open("/name", open_flags::write | open_flags::create) == errc::not_found);
    CHECK(server.links_read > 100);
}

} // namespace
} // namespace benchfs
