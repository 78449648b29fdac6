// The rings of a window: every record arrives as it was sent whatever the sizes and however far the reader
// lags, and a ring that the writer knows to be empty starts over.
#include "benchfs/base/prng.hpp"
#include "benchfs/transport/window/ring.hpp"

#include "catch.hpp"

#include <deque>
#include <memory>
#include <vector>

using namespace benchfs;
using namespace benchfs::transport::window;

namespace {

struct sent {
    std::vector<std::byte> header;
    std::vector<std::byte> payload;
};

/// Both sides of one ring, and of the count that the reader's own records carry back.
class one_ring {
public:
    [[nodiscard]] bool write(const sent& message) {
        if (!writer_.fits(data_room(message.header.size(), message.payload.size()))) { return false; }
        record what;
        what.kind = record_kind::message;
        what.header_size = static_cast<std::uint16_t>(message.header.size());
        what.payload_size = static_cast<std::uint32_t>(message.payload.size());
        const const_segments payload{const_byte_span(message.payload)};
        writer_.write(what, message.header, &payload);
        return true;
    }

    /// The oldest record; where its payload lies goes to `at`, the position in the byte ring.
    [[nodiscard]] sent read(std::size_t& at) {
        REQUIRE(reader_.has_record());
        const record what = reader_.peek();
        sent message;
        message.header.resize(transport::max_header);
        const_byte_span payload;
        REQUIRE(reader_.open(what, message.header.data(), payload));
        message.header.resize(what.header_size);
        message.payload.assign(payload.begin(), payload.end());
        at = payload.empty() ? 0 : static_cast<std::size_t>(payload.data() - memory_->data.data());
        reader_.consume();
        return message;
    }

    void acknowledge() { writer_.acknowledge(static_cast<std::uint8_t>(reader_.consumed())); }
    [[nodiscard]] bool empty() const { return !reader_.has_record(); }

private:
    std::unique_ptr<ring_memory> memory_ = std::make_unique<ring_memory>();
    ring_writer writer_{*memory_};
    ring_reader reader_{*memory_};
};

[[nodiscard]] std::vector<std::byte> random_bytes(prng& random, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& b : bytes) { b = static_cast<std::byte>(random.next()); }
    return bytes;
}

[[nodiscard]] sent random_message(prng& random) {
    const std::size_t payload = random.below(3) == 0 ? random.below(inline_max + 1) : random.below(200);
    return {random_bytes(random, 1 + random.below(200)), random_bytes(random, payload)};
}

} // namespace

TEST_CASE("records arrive as they were sent, however far the reader lags", "[window]") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        prng random(seed);
        one_ring ring;
        std::deque<sent> under_way;
        const std::uint64_t eager = 1 + random.below(8); // how often the reader looks, of ten times
        std::size_t at = 0;
        for (int step = 0; step < 3000; ++step) {
            if (random.below(10) < eager && !ring.empty()) {
                const sent message = ring.read(at);
                INFO("seed " << seed << " step " << step);
                REQUIRE(message.header == under_way.front().header);
                REQUIRE(message.payload == under_way.front().payload);
                under_way.pop_front();
            }
            if (random.below(4) == 0) { ring.acknowledge(); }
            sent message = random_message(random);
            if (ring.write(message)) { under_way.push_back(std::move(message)); }
        }
        CHECK(ring.empty() == under_way.empty());
    }
}

TEST_CASE("a ring that is known to be empty starts over", "[window]") {
    prng random(1);
    one_ring ring;
    const sent message{random_bytes(random, head_bytes), random_bytes(random, 4096)};
    std::size_t at = 1;
    // Four laps of the slots: the count in a record is modulo 256.
    for (std::uint32_t i = 0; i < 4 * slot_count; ++i) {
        REQUIRE(ring.write(message));
        static_cast<void>(ring.read(at));
        CHECK(at == 0);
        ring.acknowledge();
    }
    SECTION("while a record is on its way, the next one goes behind it") {
        REQUIRE(ring.write(message));
        REQUIRE(ring.write(message));
        static_cast<void>(ring.read(at));
        CHECK(at == 0);
        static_cast<void>(ring.read(at));
        CHECK(at == 4096);
    }
    SECTION("without word from the reader, it goes on") {
        REQUIRE(ring.write(message));
        static_cast<void>(ring.read(at));
        REQUIRE(ring.write(message));
        static_cast<void>(ring.read(at));
        CHECK(at == 4096);
    }
}
