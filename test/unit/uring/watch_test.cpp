#include "fixture.hpp"

#include <list>
#include <optional>

namespace benchfs::uring::testing {
namespace {

class recorder final : public runtime::fd_callback {
public:
    ~recorder() = default;
    void on_readable(errc error) noexcept override {
        ++calls;
        last = error;
        called.set();
        if (again > 0) {
            --again;
            poller->watch(fd, *this);
        }
    }

    int calls = 0;
    errc last = errc::ok;
    runtime::event called;
    int again = 0;
    int fd = -1;
    runtime::fd_poller* poller = nullptr;
};

runtime::task<void> until_called(recorder& who) {
    const status s = co_await who.called.wait();
    REQUIRE(s);
}

} // namespace

TEST_CASE("a watch calls once when its pipe becomes readable") {
    pipe_pair p;
    machine m;
    recorder seen;
    m.loop.poller()->watch(p.reader, seen);
    m.loop.run(turns(20));
    REQUIRE(seen.calls == 0);
    p.put("x");
    m.loop.run(until_called(seen));
    p.put("y");
    m.loop.run(turns(50));
    REQUIRE(seen.calls == 1);
    REQUIRE(seen.last == errc::ok);
}

TEST_CASE("a callback may watch again") {
    pipe_pair p;
    p.put("x");
    machine m;
    recorder seen;
    seen.poller = m.loop.poller();
    seen.fd = p.reader;
    seen.again = 3;
    m.loop.poller()->watch(p.reader, seen);
    m.loop.run(turns(100));
    REQUIRE(seen.calls == 4);
}

TEST_CASE("after unwatch the callback may die: it is not called any more") {
    pipe_pair p;
    machine m;
    for (const int wait : {0, 5}) {
        auto seen = std::make_unique<recorder>();
        m.loop.poller()->watch(p.reader, *seen);
        m.loop.run(turns(wait));
        m.loop.poller()->unwatch(*seen);
        REQUIRE(seen->calls == 0);
        seen.reset();
        p.put("x");
        m.loop.run(turns(50));
        char gone = 0;
        REQUIRE(::read(p.reader, &gone, 1) == 1);
    }
    REQUIRE(m.ring->stats().completed == m.ring->stats().submitted);
}

TEST_CASE("unwatch between the event and its delivery wins") {
    pipe_pair p;
    machine m;
    recorder seen;
    m.loop.poller()->watch(p.reader, seen);
    m.ring->flush();
    p.put("x"); // the kernel has a completion for us now
    m.loop.poller()->unwatch(seen);
    m.loop.run(turns(50));
    REQUIRE(seen.calls == 0);
}

TEST_CASE("unwatch of what is not watched does nothing") {
    pipe_pair p;
    p.put("x");
    machine m;
    recorder seen;
    m.loop.poller()->unwatch(seen);
    m.loop.poller()->watch(p.reader, seen);
    m.loop.run(until_called(seen));
    m.loop.poller()->unwatch(seen);
    REQUIRE(seen.calls == 1);
}

TEST_CASE("a closed writer and a bad descriptor end a watch as well") {
    pipe_pair p;
    machine m;
    recorder hung_up;
    m.loop.poller()->watch(p.reader, hung_up);
    p.close_writer();
    m.loop.run(until_called(hung_up));
    REQUIRE(hung_up.last == errc::ok); // reading tells: end of file

    recorder bad;
    m.loop.poller()->watch(9999, bad);
    m.loop.run(until_called(bad));
    REQUIRE(bad.last == errc::bad_handle);
}

TEST_CASE("more watches than the ring has room for are all called") {
    ring_options options = small_options();
    options.queue_size = 1;
    pipe_pair p;
    p.put("x");
    machine m(options);
    std::list<recorder> all(200);
    for (recorder& one : all) { m.loop.poller()->watch(p.reader, one); }
    for (recorder& one : all) { m.loop.run(until_called(one)); }
    for (recorder& one : all) { REQUIRE(one.calls == 1); }
}

TEST_CASE("a ring may go with watches left, submitted or not") {
    pipe_pair p;
    recorder one;
    recorder two;
    recorder three;
    {
        machine m;
        m.loop.poller()->watch(p.reader, one);
        m.loop.run(turns(10));
        m.loop.poller()->watch(p.reader, two);
        m.loop.poller()->watch(p.reader, three);
        m.loop.poller()->unwatch(three);
    }
    REQUIRE(one.calls + two.calls + three.calls == 0);
}

TEST_CASE("operations that wait for ever do not keep a watch from being set") {
    ring_options options = small_options();
    options.queue_size = 1;
    pipe_pair never;
    pipe_pair p;
    machine m(options);
    runtime::task_scope scope(m.loop.root());
    std::byte buffer{};
    std::list<result<std::size_t>> outcomes;
    for (int i = 0; i < 20; ++i) {
        outcomes.emplace_back(errc::io_error);
        scope.spawn(read_into(*m.ring, never.reader, byte_span(&buffer, 1), outcomes.back()));
    }
    m.loop.run(turns(10));
    recorder seen;
    m.loop.poller()->watch(p.reader, seen);
    p.put("x");
    m.loop.run(until_called(seen));
    scope.request_stop();
    REQUIRE(m.loop.run(scope.join()));
    for (auto& outcome : outcomes) { REQUIRE(outcome.error() == errc::cancelled); }
}

} // namespace benchfs::uring::testing
