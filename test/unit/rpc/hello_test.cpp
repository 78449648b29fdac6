// Hello: who may talk to a server, and what becomes of those who may not.
#include "support.hpp"

#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/task_scope.hpp"

namespace benchfs::rpc {
namespace {

using namespace test;

task<errc> ping_of(client& c) {
    const ping::request request{7};
    const auto answer = co_await c.call<ping>(server_id{0}, request);
    if (answer) { REQUIRE(answer->value == 7); }
    co_return answer.error();
}

TEST_CASE("a client that knows the cluster is answered") {
    rig r;
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("each way to be a stranger has its own answer") {
    rig r;
    for (std::size_t i = 0; i < 2; ++i) {
        cluster_identity other = our_cluster;
        other.id[i] ^= 1;
        REQUIRE(r.loop.run(ping_of(r.connect({}, other).rpc)) == errc::wrong_cluster);
    }
    for (const std::size_t i : {0U, 31U}) {
        cluster_identity other = our_cluster;
        other.secret[i] ^= std::byte{1};
        REQUIRE(r.loop.run(ping_of(r.connect({}, other).rpc)) == errc::not_permitted);
    }
    // The registry sent us to the wrong server.
    caller& lost = r.connect();
    const auto ask = [](client& c) -> task<errc> {
        const ping::request request{7};
        const auto answer = co_await c.call<ping>(server_id{3}, request);
        co_return answer.error();
    };
    REQUIRE(r.loop.run(ask(lost.rpc)) == errc::wrong_cluster);
    r.loop.run(turns());
    REQUIRE(r.server->connections() == 0);
    REQUIRE(r.server->sessions() == 0);
    // The refusals hurt nobody else.
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
}

/// Everything that happens to a peer that sends this first: the answer, and the end of its connection.
task<errc> refused_first(rig& r, raw_client& raw, std::vector<std::byte> first) {
    CO_REQUIRE(co_await raw.connect(r.wire->address()));
    raw.send(first);
    co_await turns();
    REQUIRE(raw.up == nullptr);
    REQUIRE(r.server->connections() == 0);
    const errc answer =
        raw.replies.empty() ? errc::ok : from_wire(static_cast<std::int32_t>(raw.last().detail));
    co_await raw.wire.stop();
    co_return answer;
}

TEST_CASE("another protocol version is told so, whatever else its hello has, and its connection ends") {
    rig r;
    const auto hello_of = [](std::uint32_t protocol, std::size_t rest) {
        header_buffer out;
        out.begin(head_of(hello::info), nullptr);
        REQUIRE(out.append(bytes_of(protocol)));
        REQUIRE(out.append(std::vector<std::byte>(rest)));
        out.finish();
        const const_byte_span bytes = out.bytes();
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    for (const std::size_t rest : {std::size_t{0}, sizeof(hello::request) - 4, std::size_t{800}}) {
        for (const std::uint32_t protocol : {0U, protocol_version - 1, protocol_version + 1, ~0U}) {
            raw_client raw(r.loop, r.network);
            REQUIRE(r.loop.run(refused_first(r, raw, hello_of(protocol, rest))) == errc::protocol_mismatch);
        }
    }
    for (const std::size_t rest : {sizeof(hello::request) - 5, sizeof(hello::request) - 3, std::size_t{0}}) {
        raw_client raw(r.loop, r.network);
        REQUIRE(r.loop.run(refused_first(r, raw, hello_of(protocol_version, rest))) == errc::bad_frame);
    }
}

TEST_CASE("both sides say which build they are, and another one may come in") {
    REQUIRE_FALSE(build_id().empty());
    rig r;
    caller& c = r.connect();
    const auto connect = [](client& from) -> task<errc> {
        const status made = co_await from.peer_of(only).connect();
        co_return made.error();
    };
    REQUIRE(r.loop.run(connect(c.rpc)) == errc::ok);
    REQUIRE(c.rpc.peer_of(only).build() == build_id());
    raw_client raw(r.loop, r.network);
    const auto enter_as_other = [](rig& r, raw_client& raw) -> task<errc> {
        CO_REQUIRE(co_await raw.connect(r.wire->address()));
        introduction both;
        both.client.cluster_id = our_cluster.id;
        both.client.build = {'9', '.', '9', '\n', 'x'};
        raw.send(make_frame(head_of(hello::info), both.client));
        co_await turns();
        CO_REQUIRE(load(const_byte_span(raw.replies.back()).subspan(sizeof(frame)), both.server));
        raw.send(make_frame(head_of(join::info), good_join(both, 77)));
        co_await turns();
        const errc answer = from_wire(static_cast<std::int32_t>(raw.last().detail));
        co_await raw.wire.stop();
        co_return answer;
    };
    REQUIRE(r.loop.run(enter_as_other(r, raw)) == errc::ok);
}

TEST_CASE("of other builds somebody is told once, with what is printable of their names") {
    build_text text{'9', '.', '9', '\n', 'x'};
    REQUIRE(build_of(text) == "9.9");
    text.fill('y');
    REQUIRE(build_of(text) == std::string(text.size(), 'y'));
    REQUIRE(build_of(build_on_wire()) == build_id());
    build_watch watch;
    REQUIRE_FALSE(watch.first_other(build_id()));
    REQUIRE(watch.first_other("9.9"));
    REQUIRE_FALSE(watch.first_other("9.8"));
}

TEST_CASE("nothing but hello and join is answered before a good join, and a failed one ends the connection") {
    rig r;
    for (const method_info& m : all_methods::infos) {
        if (m.id == hello::info.id || m.id == join::info.id) { continue; }
        raw_client raw(r.loop, r.network);
        const auto talk = [](rig& r, raw_client& raw, const method_info& m, unsigned how) -> task<void> {
            CO_REQUIRE(co_await raw.connect(r.wire->address()));
            std::size_t answers = 0;
            if (how != 0) {
                introduction both = co_await say_hello(raw);
                ++answers;
                if (how == 2) {
                    join::request j = good_join(both, 5);
                    j.proof[7] ^= std::byte{1};
                    raw.send(make_frame(head_of(join::info), j));
                    ++answers;
                }
            }
            raw.send(make_frame(head_of(m, 2), ping::request{}));
            co_await turns();
            REQUIRE(raw.up == nullptr); // the server closed it
            REQUIRE(raw.replies.size() == answers);
            if (how == 2) { REQUIRE(raw.last().detail == static_cast<std::uint32_t>(errc::not_permitted)); }
            co_await raw.wire.stop();
        };
        r.loop.run(talk(r, raw, m, m.id % 3));
    }
    REQUIRE(r.server->sessions() == 0);
    REQUIRE(r.server->connections() == 0);
}

TEST_CASE("a proof that was overheard is of no use on another connection") {
    rig r;
    raw_client first(r.loop, r.network);
    raw_client second(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& first, raw_client& second) -> task<void> {
        CO_REQUIRE(co_await first.connect(r.wire->address()));
        introduction both = co_await say_hello(first);
        const join::request overheard = good_join(both, 5);
        first.send(make_frame(head_of(join::info), overheard));
        co_await turns();
        REQUIRE(first.last().detail == 0);
        // The same words of the client, its nonce too: the server's nonce is another one.
        CO_REQUIRE(co_await second.connect(r.wire->address()));
        introduction again = co_await say_hello(second);
        REQUIRE(again.client.once == both.client.once);
        REQUIRE(again.server.once != both.server.once);
        second.send(make_frame(head_of(join::info), overheard));
        co_await turns();
        REQUIRE(second.last().detail == static_cast<std::uint32_t>(errc::not_permitted));
        REQUIRE(second.up == nullptr);
        REQUIRE(first.up != nullptr); // its session was not taken over
        co_await first.wire.stop();
        co_await second.wire.stop();
    };
    r.loop.run(talk(r, first, second));
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("a connection says hello once and joins once") {
    rig r;
    // What is sent after a hello, and after a join.
    for (const auto& [joined, method] :
         {std::pair{false, hello::info.id}, {true, hello::info.id}, {true, join::info.id}}) {
        raw_client raw(r.loop, r.network);
        const auto talk = [](rig& r, raw_client& raw, bool after_join, std::uint16_t second) -> task<void> {
            CO_REQUIRE(co_await raw.connect(r.wire->address()));
            introduction both = co_await say_hello(raw);
            const join::request j = good_join(both, 5 + second);
            if (after_join) {
                raw.send(make_frame(head_of(join::info), j));
                co_await turns();
                REQUIRE(raw.last().detail == 0);
            }
            if (second == hello::info.id) {
                raw.send(make_frame(head_of(hello::info, 2), both.client));
            } else {
                raw.send(make_frame(head_of(join::info, 2), j));
            }
            co_await turns();
            REQUIRE(raw.last().detail == static_cast<std::uint32_t>(errc::bad_frame));
            REQUIRE(raw.up == nullptr);
            co_await raw.wire.stop();
        };
        r.loop.run(talk(r, raw, joined, method));
    }
    raw_client raw(r.loop, r.network);
    const join::request early;
    REQUIRE(r.loop.run(refused_first(r, raw, make_frame(head_of(join::info), early))) == errc::bad_frame);
}

TEST_CASE("a connection that proves nothing is closed after a while") {
    rig r({.join_within = 300ms});
    raw_client silent(r.loop, r.network);
    raw_client half(r.loop, r.network);
    raw_client member(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& silent, raw_client& half, raw_client& member) -> task<void> {
        CO_REQUIRE(co_await silent.connect(r.wire->address()));
        CO_REQUIRE(co_await half.connect(r.wire->address()));
        CO_REQUIRE(co_await member.connect(r.wire->address()));
        (void)co_await say_hello(half);
        const errc entered = co_await enter(member, 9);
        REQUIRE(entered == errc::ok);
        CO_REQUIRE(co_await eventually([&] { return silent.up == nullptr && half.up == nullptr; }));
        REQUIRE(member.up != nullptr);
        co_await silent.wire.stop();
        co_await half.wire.stop();
        co_await member.wire.stop();
    };
    r.loop.run(talk(r, silent, half, member));
}

TEST_CASE("too many connections that prove nothing end the oldest of them, and no member's") {
    rig r({.max_strangers = 2});
    raw_client member(r.loop, r.network);
    raw_client strangers[3] = {{r.loop, r.network}, {r.loop, r.network}, {r.loop, r.network}};
    const auto talk = [](rig& r, raw_client& member, std::span<raw_client> strangers) -> task<void> {
        CO_REQUIRE(co_await member.connect(r.wire->address()));
        const errc entered = co_await enter(member, 9);
        REQUIRE(entered == errc::ok);
        for (raw_client& s : strangers) { CO_REQUIRE(co_await s.connect(r.wire->address())); }
        co_await turns();
        REQUIRE(strangers[0].up == nullptr);
        REQUIRE(strangers[1].up != nullptr);
        const errc late = co_await enter(strangers[2], 10);
        REQUIRE(late == errc::ok);
        REQUIRE(member.up != nullptr);
        co_await member.wire.stop();
        for (raw_client& s : strangers) { co_await s.wire.stop(); }
    };
    r.loop.run(talk(r, member, strangers));
    REQUIRE(r.server->connections() == 0);
}

TEST_CASE("a newer connection of a session ends the older one, and an older generation is refused") {
    rig r;
    raw_client first(r.loop, r.network);
    raw_client second(r.loop, r.network);
    raw_client late(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& first, raw_client& second, raw_client& late) -> task<void> {
        CO_REQUIRE(co_await first.connect(r.wire->address()));
        const errc one = co_await enter(first, 5, 3);
        REQUIRE(one == errc::ok);
        CO_REQUIRE(co_await second.connect(r.wire->address()));
        const errc two = co_await enter(second, 5, 4);
        REQUIRE(two == errc::ok);
        REQUIRE(first.up == nullptr);
        CO_REQUIRE(co_await late.connect(r.wire->address()));
        const errc three = co_await enter(late, 5, 4);
        REQUIRE(three == errc::stale_epoch);
        REQUIRE(late.up == nullptr);
        REQUIRE(second.up != nullptr);
        co_await first.wire.stop();
        co_await second.wire.stop();
        co_await late.wire.stop();
    };
    r.loop.run(talk(r, first, second, late));
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE("a lost session goes when its time is over, though nothing else happens at the server") {
    using namespace std::chrono_literals;
    rig r({.session_grace = 20ms});
    raw_client lost(r.loop, r.network);
    const auto talk = [](rig& r, raw_client& lost) -> task<void> {
        CO_REQUIRE(co_await lost.connect(r.wire->address()));
        const errc joined = co_await enter(lost, 5, 1);
        REQUIRE(joined == errc::ok);
        co_await lost.wire.stop();
        co_await turns();
        REQUIRE(r.server->connections() == 0);
        REQUIRE(r.server->sessions() == 1);
        for (int i = 0; i < 500 && r.server->sessions() != 0; ++i) { (void)co_await runtime::sleep_for(20ms); }
    };
    r.loop.run(talk(r, lost));
    REQUIRE(r.server->sessions() == 0);
}

TEST_CASE("a server that refused once is asked again, and the dead connection takes no call with it") {
    rig r({.max_sessions = 1});
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
    caller& second = r.connect({.deadline = 60ms});
    // The table is full: asked again until the deadline.
    for (int i = 0; i < 100 && second.wire.made_so_far <= 2; ++i) {
        const errc refused = r.loop.run(ping_of(second.rpc));
        REQUIRE((refused == errc::try_again || refused == errc::timed_out));
    }
    REQUIRE(second.wire.made_so_far > 2);
    r.loop.run(r.clients[0]->rpc.close()); // says goodbye
    REQUIRE(r.loop.run(ping_of(second.rpc)) == errc::ok);
    REQUIRE(r.server->sessions() == 1);
}

TEST_CASE(
    "a client waits for its place in a full table of sessions, and changes something only once it has it") {
    rig r({.max_sessions = 1});
    REQUIRE(r.loop.run(ping_of(r.connect().rpc)) == errc::ok);
    std::uint64_t made = 0;
    r.server->handle(mkdir::info, &made, [](void* count, server_call& call) {
        ++*static_cast<std::uint64_t*>(count);
        call.reply<mkdir>({});
        return ok();
    });
    caller& second = r.connect({.deadline = 10s});
    const auto run = [](rig& r, caller& second) -> task<void> {
        runtime::call_context& context = co_await runtime::current_context();
        runtime::task_scope scope(context, false);
        struct change {
            static task<status> run(client& c) {
                const auto answer = co_await c.call<mkdir>(only, mkdir::request{});
                co_return answer.error();
            }
        };
        scope.spawn(change::run(second.rpc));
        const bool refused = co_await eventually([&] { return second.wire.made_so_far > 1; });
        co_await r.clients[0]->rpc.close();
        CO_REQUIRE(co_await scope.join());
        REQUIRE(refused);
    };
    r.loop.run(run(r, second));
    REQUIRE(made == 1);
    // Who never gets in has changed nothing, and hears so.
    caller& third = r.connect({.deadline = 60ms});
    const auto ask = [](client& c) -> task<errc> {
        const auto answer = co_await c.call<mkdir>(only, mkdir::request{});
        co_return answer.error();
    };
    const errc refused = r.loop.run(ask(third.rpc));
    REQUIRE((refused == errc::try_again || refused == errc::timed_out));
    REQUIRE(made == 1);
}

} // namespace
} // namespace benchfs::rpc
