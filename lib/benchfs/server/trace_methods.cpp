// The methods that begin, end and fetch a trace of this server's calls; see rpc/tracer.hpp.
#include "benchfs/server/services.hpp"

namespace benchfs::server {
namespace {

using rpc::server_call;
using runtime::task;

[[nodiscard]] rpc::tracer& tracer_of(void* context) noexcept { return state_of(context).requests->trace(); }

status control_trace(void* context, server_call& call) {
    rpc::tracer& trace = tracer_of(context);
    const auto asked = call.request<rpc::trace_control>();
    switch (asked.action) {
    case rpc::trace_control::begin:
        BFS_CHECK(trace.begin(asked));
        break;
    case rpc::trace_control::end:
        BFS_CHECK(trace.end(asked.id));
        break;
    case rpc::trace_control::drop:
        BFS_CHECK(trace.drop(asked.id));
        break;
    case rpc::trace_control::clock:
        break;
    default:
        return errc::not_supported;
    }
    call.reply<rpc::trace_control>(trace.figures());
    return ok();
}

task<status> send_spans(void* context, server_call& call) {
    using method = rpc::trace_page;
    const auto asked = call.request<method>();
    constexpr std::size_t room = method::page_max / sizeof(rpc::wire_span);
    BFS_CO_TRY(const std::vector<rpc::wire_span> spans, tracer_of(context).page(asked.id, asked.from, room));
    method::reply answer;
    answer.spans = static_cast<std::uint32_t>(spans.size());
    answer.more = spans.size() == room ? 1 : 0;
    if (spans.empty()) {
        call.reply<method>(answer);
        co_return ok();
    }
    const const_segments bytes(std::as_bytes(std::span(spans)));
    (void)co_await call.reply_with<method>(answer, bytes);
    co_return ok();
}

} // namespace

void register_trace_methods(rpc::server& to, service_state& state) {
    to.handle(rpc::trace_control::info, &state, control_trace);
    to.handle(rpc::trace_page::info, &state, send_spans);
}

} // namespace benchfs::server
