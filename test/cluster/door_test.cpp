// Who may talk to a real server, and what it says to the others.
#include "server_process.hpp"
#include "stranger.hpp"
#include "work.hpp"

#include "catch.hpp"

namespace benchfs::test {
namespace {

bool says(server_process& server, std::string_view words) {
    const std::string output = server.self().output();
    INFO(output);
    CHECK(output.find(words) != output.npos);
    return output.find(words) != output.npos;
}

/// A server with one good client, who must not notice what the others do.
struct house {
    explicit house(const char* transport) {
        REQUIRE(server.wait_until_ready());
        good = mount_or_throw(client_of(directory.registry(), transport));
    }
    void all_is_well(std::uint64_t seed) {
        CHECK(outcome(good->run(write_and_check(good->fs(), "/f" + std::to_string(seed), 1 * MiB + 7, seed))) ==
              "ok");
    }

    cluster_directory directory;
    server_process server{directory, {"--memory"}};
    std::unique_ptr<mounted> good;
};

} // namespace

TEST_CASE("a real server refuses who speaks another protocol, and closes the connection") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            house h(transport);
            stranger other(h.directory.registry(), transport);
            REQUIRE(other.connect());
            rpc::hello::request hello;
            hello.protocol = rpc::protocol_version + 1;
            hello.cluster_id = other.identity.id;
            other.send_request(rpc::hello::info, hello);
            REQUIRE(other.wait_for_end());
            CHECK(other.replies() == 1);
            CHECK(name(other.answer()) == "protocol_mismatch");
            says(h.server, "use the same release on both sides");
            h.all_is_well(1);
        }
    }
}

TEST_CASE("a real server refuses a wrong proof, and closes the connection") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            house h(transport);
            stranger other(h.directory.registry(), transport);
            other.identity.secret[0] ^= std::byte{1};
            REQUIRE(other.connect());
            CHECK_FALSE(other.enter(5));
            CHECK(other.replies() == 2);
            CHECK(name(other.answer()) == "not_permitted");
            REQUIRE(other.wait_for_end());
            says(h.server, "does not know the secret of this cluster");
            h.all_is_well(2);
            // Who has only said hello gets neither a window nor an answer to anything else.
            REQUIRE(other.connect());
            REQUIRE(other.say_hello());
            if (std::string_view(transport) == "auto") { CHECK_FALSE(other.upgrade()); }
            other.send_request(rpc::ping::info, rpc::ping::request{});
            REQUIRE(other.wait_for_end());
            CHECK(other.replies() == 3);
            h.all_is_well(3);
        }
    }
}

TEST_CASE("a real server does not take a proof twice") {
    for (const char* transport : {"auto", "ucx"}) {
        DYNAMIC_SECTION(transport) {
            house h(transport);
            stranger other(h.directory.registry(), transport);
            REQUIRE(other.connect());
            const std::optional<rpc::introduction> said = other.say_hello();
            REQUIRE(said);
            const rpc::join::request overheard = other.join_of(*said, 5);
            other.send_request(rpc::join::info, overheard);
            REQUIRE(other.wait_for_replies(2));
            REQUIRE(name(other.answer()) == "ok");
            // Again on the same connection, and word for word on a new one.
            other.send_request(rpc::join::info, overheard);
            REQUIRE(other.wait_for_end());
            CHECK(name(other.answer()) == "bad_frame");
            REQUIRE(other.connect());
            other.send_request(rpc::hello::info, said->client);
            REQUIRE(other.wait_for_replies(4));
            REQUIRE(name(other.answer()) == "ok");
            other.send_request(rpc::join::info, overheard);
            REQUIRE(other.wait_for_end());
            CHECK(name(other.answer()) == "not_permitted");
            CHECK(other.replies() == 5);
            h.all_is_well(4);
        }
    }
}

TEST_CASE("a real server says so when an answer does not fit the room for it, and goes on") {
    house h("auto");
    stranger member(h.directory.registry(), "window");
    REQUIRE(member.connect());
    REQUIRE(member.enter(5));
    REQUIRE(member.upgrade());
    REQUIRE(member.path() == "window");
    const auto ask = [&](std::uint32_t room, std::size_t answers) {
        const rpc::stat::request root{1};
        member.send(stranger::framed(rpc::stat::info.id, bytes_of(root)), 0, room);
        REQUIRE(member.wait_for_replies(answers));
        REQUIRE(member.connected());
        return std::string(name(member.answer()));
    };
    constexpr std::uint32_t enough = sizeof(rpc::frame) + sizeof(rpc::stat::reply);
    CHECK(ask(enough, 3) == "ok");
    CHECK(ask(enough - 1, 4) == "message_too_long");
    CHECK(ask(sizeof(rpc::frame), 5) == "message_too_long");
    CHECK(ask(enough, 6) == "ok");
    h.all_is_well(5);
}

} // namespace benchfs::test
