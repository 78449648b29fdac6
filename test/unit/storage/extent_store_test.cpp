// Checksums, damage, full devices and earlier runs in the io_uring engine.
#include "extent_rig.hpp"

#include <algorithm>

namespace benchfs::storage {
namespace {

/// Flips a bit of the byte where `bytes` lie on the disk, `at` bytes in.
void damage(disk_image& image, const byte_vector& bytes, std::size_t at) {
    for (auto& [name, file] : image.files) {
        const auto found =
            std::search(file.bytes.begin(), file.bytes.end(), bytes.begin() + 64, bytes.begin() + 128);
        if (found == file.bytes.end()) { continue; }
        *(found - 64 + static_cast<std::ptrdiff_t>(at)) ^= std::byte{1};
        return;
    }
    FAIL("the bytes are not on the disk");
}

} // namespace

TEST_CASE("bytes that changed on the device are an error and are never returned") {
    const quiet q;
    memory_rig r;
    r.open();
    const byte_vector bytes = pattern(64 * KiB, 1);
    REQUIRE(r.write(0, bytes));
    damage(r.image, bytes, 20'000); // block 4
    REQUIRE(r.read(0, 64 * KiB).error() == errc::io_error);
    REQUIRE(r.read(20'400, 10).error() == errc::io_error); // the same block, other bytes
    const auto before = r.read(0, 16 * KiB);
    REQUIRE(before);
    REQUIRE(std::equal(before->begin(), before->end(), bytes.begin()));
    // A part of the block cannot be rewritten, all of it can, and that heals it.
    REQUIRE(r.write(16'500, pattern(10, 2)).error() == errc::io_error);
    const byte_vector fresh = pattern(block_size, 3);
    REQUIRE(r.write(4 * block_size, fresh));
    byte_vector expected = bytes;
    std::copy(fresh.begin(), fresh.end(), expected.begin() + 4 * block_size);
    REQUIRE(r.content() == expected);
    r.finish();
}

TEST_CASE("who verifies whole blocks himself is given the checksum that a damaged one does not match") {
    const quiet q;
    memory_rig r;
    r.open();
    const byte_vector bytes = pattern(64 * KiB, 1);
    REQUIRE(r.write(0, bytes));
    damage(r.image, bytes, 20'000); // block 4
    // The blocks whose bytes and checksum differ in a read of these bytes; nothing if the read is refused.
    using blocks = std::vector<std::uint32_t>;
    const auto differing = [&](std::uint32_t offset, std::uint32_t size) -> result<blocks> {
        read_slot slot;
        slot.chunk = chunk_number(0);
        slot.offset = offset;
        slot.size = size;
        slot.caller_verifies = true;
        const status done = r.loop.run(r.store->read(slot));
        if (!done) { return done.error(); }
        byte_vector got;
        for (std::size_t i = 0; i < slot.source.count(); ++i) {
            got.insert(got.end(), slot.source[i].begin(), slot.source[i].end());
        }
        REQUIRE(got.size() == size);
        std::vector<std::uint32_t> sums(whole_blocks(offset, size));
        REQUIRE(r.store->checksums(slot, sums) == sums.size());
        r.store->release(slot);
        const std::vector<std::uint32_t> real = block_sums(offset, got);
        blocks out;
        for (std::uint32_t i = 0; i < sums.size(); ++i) {
            if (sums[i] != real[i]) { out.push_back((offset + block_size - 1) / block_size + i); }
        }
        return out;
    };
    const auto all = differing(0, 64 * KiB);
    REQUIRE(all);
    REQUIRE(*all == blocks{4});
    // In part, at either end of a read, it is the store's to look at.
    REQUIRE(differing(4 * block_size + 1, 3 * block_size).error() == errc::io_error);
    REQUIRE(differing(2 * block_size, 2 * block_size + 100).error() == errc::io_error);
    REQUIRE(differing(5 * block_size - 100, block_size).error() == errc::io_error);
    // A cut block leaves with another checksum than the disk's, which must not cover up the damage.
    REQUIRE(r.loop.run(r.store->truncate(chunk_number(0), 4 * block_size + 4000)));
    REQUIRE(r.write(5 * block_size, pattern(block_size, 2)));
    REQUIRE(differing(0, 6 * block_size).error() == errc::io_error);
    REQUIRE(differing(0, 4 * block_size));
    r.finish();
}

TEST_CASE("a segment that was cut from outside gives an error") {
    const quiet q;
    memory_rig r;
    r.open();
    const byte_vector bytes = pattern(64 * KiB, 1);
    REQUIRE(r.write(0, bytes));
    disk_image::file& file = r.image.files.begin()->second;
    const std::size_t size = file.bytes.size();
    file.bytes.resize(30'000);
    REQUIRE(r.read(0, 64 * KiB).error() == errc::io_error);
    file.bytes.resize(size);
    r.finish();
}

TEST_CASE("checksums of a write are compared with its bytes") {
    const quiet q;
    memory_rig r;
    r.open();
    const byte_vector old = pattern(20'000, 1);
    REQUIRE(r.write(100, old));
    const byte_vector fresh = pattern(20'000, 2);
    const std::vector<std::uint32_t> good = block_sums(100, fresh);
    REQUIRE(good.size() == 3);
    const auto attempt = [&](std::vector<std::uint32_t> sums) {
        write_slot slot;
        slot.chunk = chunk_number(0);
        slot.offset = 100;
        slot.size = 20'000;
        REQUIRE(r.loop.run(r.store->prepare(slot)));
        fill(slot, fresh);
        return r.loop.run(r.store->commit(slot, sums));
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::vector<std::uint32_t> bad = good;
        bad[i] ^= 0x80000000;
        REQUIRE(attempt(bad).error() == errc::io_error);
    }
    REQUIRE(attempt({good[0]}).error() == errc::invalid_argument);
    const auto unchanged = r.read(100, 20'000);
    REQUIRE(unchanged);
    REQUIRE(*unchanged == old);
    REQUIRE(attempt(good));
    const auto changed = r.read(100, 20'000);
    REQUIRE(changed);
    REQUIRE(*changed == fresh);
    r.finish();
}

TEST_CASE("a device that gets full half-way into a segment is used to its end") {
    memory_rig r;
    r.image.faults.byte_budget = 3 * MiB + 4096; // a segment and a half
    r.open();
    std::uint32_t n = 0;
    while (r.write(0, pattern(128 * KiB, n), n)) { ++n; }
    REQUIRE(n == 24);
    for (std::uint32_t i = 0; i < n; ++i) { REQUIRE(r.content(i) == pattern(128 * KiB, i)); }
    // Room for what is overwritten comes from what it replaces, one write at a time.
    REQUIRE(r.loop.run(r.store->remove(chunk_number(1))));
    for (std::uint32_t round = 0; round < 5; ++round) {
        for (std::uint32_t i = 2; i < n; ++i) { REQUIRE(r.write(0, pattern(128 * KiB, 100 + i), i)); }
    }
    for (std::uint32_t i = 1; i < n; ++i) { REQUIRE(r.loop.run(r.store->remove(chunk_number(i)))); }
    r.finish();
}

TEST_CASE("an earlier run's segments are reused as free space") {
    const quiet q;
    memory_rig r;
    r.open();
    for (std::uint32_t n = 0; n < 4; ++n) { REQUIRE(r.write(0, pattern(1 * MiB, n), n)); }
    REQUIRE(r.loop.run(r.store->close()));
    const std::size_t files = r.image.files.size();
    REQUIRE(files == 2);
    r.open();
    REQUIRE(r.store->stats().bytes_used == 0);
    REQUIRE(r.store->length(chunk_number(0)) == 0);
    for (std::uint32_t n = 0; n < 4; ++n) { REQUIRE(r.write(0, pattern(1 * MiB, 10 + n), n)); }
    REQUIRE(r.image.files.size() == files);
    for (std::uint32_t n = 0; n < 4; ++n) {
        REQUIRE(r.content(n) == pattern(1 * MiB, 10 + n));
        REQUIRE(r.loop.run(r.store->remove(chunk_number(n))));
    }
    r.finish();
}

TEST_CASE("a second store over the same disk is refused") {
    memory_rig r;
    r.open();
    REQUIRE(r.try_open(std::make_unique<null_change_log>()).error() == errc::busy);
    r.finish();
}

} // namespace benchfs::storage
