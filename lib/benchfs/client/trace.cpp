#include "benchfs/client/trace.hpp"

#include "benchfs/client/file_system.hpp"
#include "benchfs/rpc/page_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"
#include "benchfs/runtime/with_timeout.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using control = rpc::trace_control;
using runtime::task;

constexpr int clock_looks = 5;                       // the quickest of them counts
constexpr duration grace = std::chrono::seconds(10); // after the window, before servers end it themselves
constexpr duration drop_within = std::chrono::seconds(1);

class recorder {
public:
    recorder(file_system& fs, trace_options options, trace_report& report, server_id& failed)
        : fs_(fs), options_(options), report_(report), failed_(failed), ahead_(fs.servers()) {}

    task<status> run() {
        task<status> recording = record();
        const status outcome = co_await std::move(recording);
        // Also what a server has begun for somebody who gave up; those that are away end it themselves.
        task<status> dropping = on_all(drop);
        task<status> bounded = runtime::with_timeout(drop_within, std::move(dropping));
        task<status> always = runtime::without_stop(std::move(bounded));
        (void)co_await std::move(always);
        std::sort(report_.spans.begin(), report_.spans.end(),
                  [](const trace_span& a, const trace_span& b) { return a.start_ns < b.start_ns; });
        co_return outcome;
    }

private:
    using step = task<status> (*)(recorder& self, server_id server);

    task<status> record() {
        BFS_CO_CHECK(co_await on_all(compare_clocks));
        began_ = clock_.now();
        BFS_CO_CHECK(co_await on_all(begin));
        BFS_CO_CHECK(co_await runtime::sleep_for(options_.window));
        BFS_CO_CHECK(co_await on_all(end));
        co_return co_await on_all(fetch);
    }

    task<status> on_all(step what) {
        const auto body = [this, what](std::size_t i) { return one(*this, what, static_cast<server_id>(i)); };
        task<status> all = runtime::parallel_for(ahead_.size(), cluster::servers_at_once, body);
        co_return co_await std::move(all);
    }

    static task<status> one(recorder& self, step what, server_id server) {
        task<status> doing = what(self, server);
        const status outcome = co_await std::move(doing);
        if (!outcome && outcome.error() != errc::cancelled && what != drop) { self.failed_ = server; }
        co_return outcome;
    }

    task<result<control::reply>> ask(server_id server, control::actions action) {
        control::request request;
        request.id = options_.id;
        request.action = action;
        request.spans = options_.spans;
        request.limit_ns = static_cast<std::uint64_t>((options_.window + grace).count());
        return fs_.calls().call<control>(server, request);
    }

    /// How far the server's clock is ahead of ours.
    static task<status> compare_clocks(recorder& self, server_id server) {
        duration least = duration::max();
        for (int i = 0; i < clock_looks; ++i) {
            const time_point before = self.clock_.now();
            task<result<control::reply>> asking = self.ask(server, control::clock);
            BFS_CO_TRY(const control::reply said, co_await std::move(asking));
            const duration trip = self.clock_.now() - before;
            if (trip >= least) { continue; }
            least = trip;
            const auto there = static_cast<std::int64_t>(said.now_ns);
            self.ahead_[index(server)] = there - (before + trip / 2).time_since_epoch().count();
        }
        co_return ok();
    }

    static task<status> begin(recorder& self, server_id server) {
        task<result<control::reply>> asking = self.ask(server, control::begin);
        const result<control::reply> said = co_await std::move(asking);
        co_return said.error();
    }

    static task<status> end(recorder& self, server_id server) {
        task<result<control::reply>> asking = self.ask(server, control::end);
        BFS_CO_TRY(const control::reply said, co_await std::move(asking));
        self.report_.lost += said.lost;
        co_return ok();
    }

    static task<status> drop(recorder& self, server_id server) {
        task<result<control::reply>> asking = self.ask(server, control::drop);
        (void)co_await std::move(asking);
        co_return ok();
    }

    static task<status> fetch(recorder& self, server_id server) {
        using method = rpc::trace_page;
        const auto memory = std::make_unique<std::byte[]>(method::page_max);
        method::request request;
        request.id = self.options_.id;
        while (true) {
            rpc::page_target target({memory.get(), method::page_max});
            rpc::call_extra extra;
            extra.target = &target;
            extra.reply_payload_max = method::page_max;
            BFS_CO_TRY(const method::reply said,
                       co_await self.fs_.calls().call<method>(server, request, extra));
            const_byte_span page = target.page();
            if (page.size() != said.spans * sizeof(rpc::wire_span)) { co_return errc::bad_frame; }
            for (std::uint32_t i = 0; i < said.spans; ++i) {
                rpc::wire_span w;
                (void)load(page.subspan(i * sizeof(w)), w);
                self.take(server, w);
            }
            if (said.more == 0 || said.spans == 0) { co_return ok(); }
            request.from += said.spans;
        }
    }

    void take(server_id server, const rpc::wire_span& w) {
        const rpc::method_info* const method =
            w.method < rpc::method_limit ? rpc::find_method(static_cast<std::uint16_t>(w.method)) : nullptr;
        trace_span s;
        s.server = server;
        s.method = method == nullptr ? "unknown" : method->name;
        s.client = w.session;
        s.start_ns =
            static_cast<std::int64_t>(w.start_ns) - ahead_[index(server)] - began_.time_since_epoch().count();
        s.whole_ns = w.whole_ns;
        s.queue_ns = std::min(w.queue_ns, w.whole_ns);
        s.network_ns = std::min(w.network_ns, w.whole_ns - s.queue_ns);
        s.bytes = w.bytes;
        s.outcome = from_wire(w.outcome);
        report_.spans.push_back(s);
    }

    file_system& fs_;
    trace_options options_;
    trace_report& report_;
    server_id& failed_;
    steady_clock clock_;
    time_point began_{};
    std::vector<std::int64_t> ahead_; // ns, by server
};

} // namespace

task<status> record_trace(file_system& fs, trace_options options, trace_report& report, server_id& failed) {
    recorder one(fs, options, report, failed);
    co_return co_await one.run();
}

} // namespace benchfs
