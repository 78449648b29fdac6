// The log: what is there after a crash, where a torn one ends, and when damage is refused.
#include "wal_rig.hpp"

#include "benchfs/base/crc32c.hpp"
#include "benchfs/runtime/parallel_for.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

/// Where each frame of a segment begins, and behind the last one.
std::vector<std::size_t> frame_places(const std::vector<std::byte>& bytes) {
    wal_segment_header header;
    REQUIRE(read_header(bytes, header) == header_state::good);
    std::vector<std::size_t> places{wal_header_bytes};
    wal_frame frame;
    while (read_frame(bytes, places.back(), header.generation, frame) == frame_state::good) {
        places.push_back(places.back() + frame.bytes());
    }
    return places;
}

/// As another release would have written the frame.
void set_version(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t version) {
    wal_frame_header head;
    REQUIRE(load(const_byte_span(bytes).subspan(at), head));
    head.version = version;
    head.crc = 0;
    const const_byte_span records = const_byte_span(bytes).subspan(at + sizeof(head), head.size);
    head.crc = crc32c(records, crc32c(bytes_of(head)));
    std::memcpy(bytes.data() + at, &head, sizeof(head));
}

void put(wal_rig& r, std::uint64_t value) {
    REQUIRE(r.store->log()->stage(record_list::kind, {bytes_of(value)}));
    REQUIRE(r.store->log()->flush());
}

/// Ten values, one frame each, then a crash.
void write_ten(wal_rig& r) {
    r.open();
    for (std::uint64_t i = 1; i <= 10; ++i) { put(r, i); }
    r.crash();
}

std::vector<std::uint64_t> first(std::uint64_t n) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 1; i <= n; ++i) { all.push_back(i); }
    return all;
}

runtime::task<status> change_durably(wal& log, std::uint64_t value) {
    BFS_CO_TRY(const log_position at, log.stage(record_list::kind, {bytes_of(value)}));
    co_return co_await log.make_durable(at);
}

runtime::task<status> ask_fifty_times(wal& log) {
    return runtime::parallel_for(50, 50, [&log](std::size_t i) { return change_durably(log, i); });
}

} // namespace

TEST_CASE("what was flushed is there after a crash, what was only staged is not") {
    wal_rig r;
    r.open();
    put(r, 1);
    put(r, 2);
    const std::uint64_t lost = 3;
    REQUIRE(r.store->log()->stage(record_list::kind, {bytes_of(lost)}));
    r.crash();
    for (int again = 0; again < 3; ++again) { // also after restarts in which nothing happens
        record_list found;
        r.open(&found);
        REQUIRE(found.values == first(2));
        r.crash();
    }
}

TEST_CASE("several records that were staged together are one frame: all or none") {
    wal_rig r;
    r.open();
    for (std::uint64_t i = 1; i <= 3; ++i) { REQUIRE(r.store->log()->stage(record_list::kind, {bytes_of(i)})); }
    REQUIRE(r.store->log()->flush());
    REQUIRE(r.store->log()->stats().frames == 1);
    r.crash();
    record_list found;
    r.open(&found);
    REQUIRE(found.values == first(3));
    r.close();
}

TEST_CASE("a log that is torn at any byte of its last frame ends before it") {
    const quiet q;
    wal_rig written;
    write_ten(written);
    const std::string file = written.newest_log_file();
    const std::vector<std::byte> whole = written.image.files[file].bytes;
    const std::vector<std::size_t> places = frame_places(whole);
    REQUIRE(places.size() == 11);
    for (std::size_t cut = places[9]; cut <= places[10]; ++cut) {
        wal_rig r;
        r.image = written.image;
        auto& bytes = r.image.files[file].bytes;
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end(), std::byte{0});
        record_list found;
        r.open(&found);
        // The frame's last bytes are zeros anyway.
        const bool intact =
            std::equal(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(places[10]), bytes.begin());
        REQUIRE(found.values == first(intact ? 10 : 9));
        // New frames follow, and the next recovery sees them.
        put(r, found.values.size() + 1);
        r.crash();
        record_list again;
        r.open(&again);
        REQUIRE(again.values == first(intact ? 11 : 10));
        r.close();
    }
}

TEST_CASE("a flipped byte anywhere below later frames is refused") {
    const quiet q;
    wal_rig written;
    write_ten(written);
    const std::string file = written.newest_log_file();
    const std::vector<std::size_t> places = frame_places(written.image.files[file].bytes);
    for (std::size_t at = places[0]; at < places[9]; ++at) {
        wal_rig r;
        r.image = written.image;
        r.image.files[file].bytes[at] ^= std::byte{0x10};
        REQUIRE(r.try_open().error() == errc::io_error);
        for (const auto& [name, one] : r.image.files) { REQUIRE(!one.locked); }
    }
    // Nor is the header of a segment that holds changes.
    for (std::size_t at = 0; at < sizeof(wal_segment_header); ++at) {
        wal_rig r;
        r.image = written.image;
        r.image.files[file].bytes[at] ^= std::byte{0x10};
        const auto opened = r.try_open();
        REQUIRE(!opened);
        const errc why = opened.error();
        REQUIRE((why == errc::io_error || why == errc::protocol_mismatch));
    }
}

TEST_CASE("after a sync, a flipped byte in the last frame is no torn tail, also when power was lost") {
    const quiet q;
    wal_rig written;
    written.open();
    for (std::uint64_t i = 1; i <= 10; ++i) { put(written, i); }
    REQUIRE(written.loop.run(written.store->sync()));
    written.crash();
    const std::string file = written.newest_log_file();
    const std::vector<std::size_t> places = frame_places(written.image.files[file].bytes);
    REQUIRE(places.size() == 12); // the last one says how far the log is durable
    for (std::size_t at = places[0]; at < places[10]; ++at) {
        wal_rig r;
        r.image = written.image;
        ++r.image.power_cycles;
        r.image.files[file].bytes[at] ^= std::byte{1};
        REQUIRE(r.try_open().error() == errc::io_error);
    }
}

TEST_CASE("after a clean stop everything is durable, and damage to any of it is refused") {
    const quiet q;
    wal_rig written;
    written.open();
    for (std::uint64_t i = 1; i <= 4; ++i) { put(written, i); }
    written.close();
    const std::string file = written.newest_log_file();
    const std::vector<std::size_t> places = frame_places(written.image.files[file].bytes);
    for (std::size_t at = places[0]; at < places[4]; ++at) {
        wal_rig r;
        r.image = written.image;
        r.image.files[file].bytes[at] ^= std::byte{0x80};
        REQUIRE(r.try_open().error() == errc::io_error);
    }
    record_list found;
    written.open(&found);
    REQUIRE(found.values == first(4));
    written.close();
}

TEST_CASE("another version of the log is refused, and another server's") {
    const quiet q;
    wal_rig written;
    write_ten(written);
    wal_rig other;
    other.image = written.image;
    other.server = 1;
    REQUIRE(other.try_open().error() == errc::bad_config);
    auto& bytes = written.image.files[written.newest_log_file()].bytes;
    wal_segment_header header;
    REQUIRE(read_header(bytes, header) == header_state::good);
    header.version = wal_version + 1;
    seal(header);
    std::memcpy(bytes.data(), &header, sizeof(header));
    REQUIRE(written.try_open().error() == errc::protocol_mismatch);
}

TEST_CASE("a whole frame of another version is refused, wherever the log ends") {
    const quiet q;
    wal_rig written;
    write_ten(written);
    const std::string file = written.newest_log_file();
    const std::vector<std::size_t> places = frame_places(written.image.files[file].bytes);
    const bool lost_power = GENERATE(false, true);
    for (std::size_t i = 0; i < 10; ++i) {
        for (const std::uint32_t version : {wal_version + 1, wal_version - 1, 0U}) {
            wal_rig r;
            r.image = written.image;
            r.image.power_cycles += lost_power ? 1 : 0;
            set_version(r.image.files[file].bytes, places[i], version);
            REQUIRE(r.try_open().error() == errc::protocol_mismatch);
            for (const auto& [name, one] : r.image.files) { REQUIRE(!one.locked); }
            // Behind one that is torn, too.
            if (i != 0) { r.image.files[file].bytes[places[i - 1] + sizeof(wal_frame_header)] ^= std::byte{1}; }
            REQUIRE(r.try_open().error() == errc::protocol_mismatch);
        }
    }
}

TEST_CASE("a torn frame is one whatever its version says") {
    const quiet q;
    wal_rig r;
    write_ten(r);
    auto& bytes = r.image.files[r.newest_log_file()].bytes;
    bytes[frame_places(bytes)[9] + offsetof(wal_frame_header, version)] ^= std::byte{1};
    record_list found;
    r.open(&found);
    REQUIRE(found.values == first(9));
    r.close();
}

TEST_CASE("a record of a kind that nobody knows refuses the start") {
    const quiet q;
    // One of the log's own, and one of those beside it.
    for (const std::uint16_t kind : {std::uint16_t{9}, std::uint16_t{record_list::kind + 1}}) {
        wal_rig r;
        r.open();
        put(r, 1);
        const std::uint64_t value = 2;
        REQUIRE(r.store->log()->stage(kind, {bytes_of(value)}));
        REQUIRE(r.store->log()->flush());
        r.crash();
        record_list found;
        REQUIRE(r.try_open(&found).error() == errc::bad_frame);
        for (const auto& [name, one] : r.image.files) { REQUIRE(!one.locked); }
    }
}

TEST_CASE("a segment's header that was cut short anywhere is damaged, not of another version") {
    wal_segment_header header;
    header.generation = 7;
    seal(header);
    for (std::size_t n = 1; n < offsetof(wal_segment_header, generation) + 1; ++n) {
        std::vector<std::byte> bytes(wal_header_bytes);
        std::memcpy(bytes.data(), &header, n);
        wal_segment_header found;
        INFO(n << " bytes");
        REQUIRE(read_header(bytes, found) == header_state::bad);
    }
}

TEST_CASE("a chunk that goes on in the next segment is two extents there") {
    wal_rig r;
    r.capacity = 4 * MiB;
    r.open();
    store_model model;
    // Block after block, so that the space of one follows that of the one before.
    for (std::uint32_t i = 0; i < 1100; ++i) {
        const byte_vector block = pattern(4 * KiB, i);
        REQUIRE(r.write(0, i * 4096, block));
        model.write(chunk_number(0), i * 4096, block);
    }
    r.require_content(model);
    r.crash();
    r.open();
    r.require_content(model);
    REQUIRE(r.truncate(0, 0));
    REQUIRE(r.store->stats().bytes_used == 0);
    r.close();
}

TEST_CASE("the generation of a segment whose header was lost does not come again") {
    const quiet q;
    wal_rig r;
    r.open();
    for (std::uint64_t i = 1; i <= 2000; ++i) { put(r, i); } // several segments, nothing synced
    r.crash();
    std::vector<std::byte>& newest = r.image.files[r.newest_log_file()].bytes;
    wal_segment_header lost;
    REQUIRE(read_header(newest, lost) == header_state::good);
    std::fill_n(newest.begin(), wal_header_bytes, std::byte{0});
    ++r.image.power_cycles;
    r.open();
    put(r, 1);
    r.crash();
    wal_segment_header now;
    REQUIRE(read_header(r.image.files[r.newest_log_file()].bytes, now) == header_state::good);
    REQUIRE(now.generation > lost.generation);
    r.open(); // what is left of the lost one is not taken for later changes
    r.close();
}

TEST_CASE("a missing log file is noticed") {
    const quiet q;
    wal_rig written;
    written.open();
    for (std::uint64_t i = 1; i <= 2000; ++i) { put(written, i); } // several segments
    written.crash();
    int refused = 0;
    for (const auto& [name, file] : written.image.files) {
        wal_segment_header header;
        if (!name.starts_with("log-") || read_header(file.bytes, header) != header_state::good) { continue; }
        if (name == written.newest_log_file()) { continue; }
        wal_rig r;
        r.image = written.image;
        r.image.files.erase(name);
        REQUIRE(r.try_open().error() == errc::io_error);
        ++refused;
    }
    REQUIRE(refused > 0);
}

TEST_CASE("who asks for durability at the same time shares syncs") {
    wal_rig r;
    r.open();
    r.image.faults.delay_turns = 20;
    REQUIRE(r.loop.run(ask_fifty_times(*r.store->log())));
    REQUIRE(r.store->log()->stats().syncs <= 3);
    REQUIRE(r.store->log()->durable(r.store->log()->newest()));
    r.image.faults = {};
    r.close();
}

TEST_CASE("a log that cannot be written fails for good, and says so") {
    const quiet q;
    wal_rig r;
    r.open();
    put(r, 1);
    r.image.faults.fail_call = 1;
    const std::uint64_t value = 2;
    REQUIRE(r.store->log()->stage(record_list::kind, {bytes_of(value)}));
    REQUIRE(r.store->log()->flush().error() == errc::io_error);
    REQUIRE(!r.store->log()->stage(record_list::kind, {bytes_of(value)}));
    REQUIRE(r.store->log()->admit(true).error() == errc::io_error);
    REQUIRE(r.write(0, 0, pattern(5000, 1)).error() == errc::io_error);
    r.crash();
    record_list found;
    r.open(&found);
    REQUIRE(found.values == first(1));
    r.close();
}

} // namespace benchfs::storage
