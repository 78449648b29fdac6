// Every size that sits at a border of some transport, in both directions, with scattered memory on both sides.
#include "conformance.hpp"
#include "repetitions.hpp"

#include "catch.hpp"

namespace benchfs::transport::conformance {
namespace {

constexpr std::size_t border_sizes[] = {0,
                                        1,
                                        8,
                                        200,
                                        8 * KiB - 1,
                                        8 * KiB,
                                        8 * KiB + 1,
                                        16 * KiB,
                                        64 * KiB - 1,
                                        64 * KiB,
                                        64 * KiB + 1,
                                        1 * MiB,
                                        4 * MiB - 1,
                                        4 * MiB,
                                        4 * MiB + 1};

runtime::task<void> every_request_size(rig& r) {
    for (const std::size_t size : border_sizes) {
        call_spec spec;
        spec.request = size;
        const status done = co_await r.client.call(r.up, spec);
        INFO("request of " << size << " bytes");
        REQUIRE(done);
    }
    REQUIRE(r.server.answered == std::size(border_sizes));
}

runtime::task<void> every_reply_size(rig& r) {
    for (const std::size_t size : border_sizes) {
        call_spec spec;
        spec.reply = size;
        const status done = co_await r.client.call(r.up, spec);
        INFO("reply of " << size << " bytes");
        REQUIRE(done);
    }
}

runtime::task<void> every_pair_of_sizes(rig& r) {
    // With a sanitizer every fourth, which are others for each size of a request.
    const std::size_t step = test::repeated(1, 4);
    std::size_t number = 0;
    for (const std::size_t request : border_sizes) {
        for (const std::size_t reply : border_sizes) {
            if (number++ % step != 0 || request + reply > 5 * MiB) { continue; }
            call_spec spec;
            spec.request = request;
            spec.reply = reply;
            const status done = co_await r.client.call(r.up, spec);
            INFO("request of " << request << " bytes, reply of " << reply);
            REQUIRE(done);
        }
    }
}

runtime::task<void> the_largest_payload(rig& r) {
    call_spec spec;
    spec.request = max_payload;
    spec.reply = max_payload;
    const status done = co_await r.client.call(r.up, spec);
    REQUIRE(done);
}

runtime::task<void> every_header_size(rig& r) {
    for (std::size_t size = sizeof(frame); size <= max_header; size += size < max_header - 5 ? 7 : 1) {
        call_spec spec;
        spec.header = size;
        spec.reply_header = sizeof(frame) + max_header - size;
        spec.request = r.client.random.below(3) * 1000;
        spec.reply = r.client.random.below(3) * 1000;
        const status done = co_await r.client.call(r.up, spec);
        INFO("header of " << size << " bytes");
        REQUIRE(done);
    }
}

} // namespace

TEST_CASE("payloads of every border size arrive byte by byte") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label << ": requests") { rig(v).run(every_request_size); }
        DYNAMIC_SECTION(v.label << ": replies") { rig(v).run(every_reply_size); }
        DYNAMIC_SECTION(v.label << ": both at once") { rig(v).run(every_pair_of_sizes); }
        DYNAMIC_SECTION(v.label << ": the largest") { rig(v).run(the_largest_payload); }
    }
}

TEST_CASE("headers of every size up to the maximum arrive") {
    for (const variant& v : variants()) {
        DYNAMIC_SECTION(v.label) { rig(v).run(every_header_size); }
    }
}

} // namespace benchfs::transport::conformance
