#include "store_driver.hpp"

#include "benchfs/base/crc32c.hpp"
#include "catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace benchfs::storage {

scratch_dir::scratch_dir(std::string parent) : path_(std::move(parent) + "/benchfs-storage-XXXXXX") {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
}
scratch_dir::~scratch_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

namespace {

std::unique_ptr<uring::ring> make_ring(runtime::loop& loop) {
    uring::ring_options options;
    options.buffer_count = 6; // few, so that the heap is used too
    auto made = uring::ring::create(loop, options);
    REQUIRE(made);
    return std::move(*made);
}

} // namespace

rig::rig() : ring(make_ring(loop)), environment{loop, ring.get()} {}

byte_vector pattern(std::size_t bytes, std::uint64_t seed) {
    prng random(seed);
    byte_vector out(bytes);
    std::size_t at = 0;
    for (; at + 8 <= bytes; at += 8) {
        const std::uint64_t word = random.next() | 0x0101010101010101ULL; // no zeros: they mean holes
        std::memcpy(out.data() + at, &word, 8);
    }
    for (; at < bytes; ++at) { out[at] = std::byte{0x5a}; }
    return out;
}

std::vector<std::uint32_t> block_sums(std::uint32_t offset, const_byte_span bytes) {
    std::vector<std::uint32_t> sums(whole_blocks(offset, static_cast<std::uint32_t>(bytes.size())));
    std::size_t at = (block_size - offset % block_size) % block_size;
    for (std::uint32_t& sum : sums) {
        sum = crc32c(bytes.subspan(at, block_size));
        at += block_size;
    }
    return sums;
}

void fill(write_slot& slot, const_byte_span bytes) {
    REQUIRE(slot.target.bytes() == bytes.size());
    segment_cursor<byte_span> cursor(slot.target);
    REQUIRE(cursor.copy_in(bytes.data(), bytes.size()) == bytes.size());
}

byte_vector collect(const read_slot& slot) {
    REQUIRE(slot.source.bytes() == slot.valid);
    byte_vector out(slot.valid);
    segment_cursor<const_byte_span> cursor(slot.source);
    REQUIRE(cursor.copy_out(out.data(), out.size()) == out.size());
    return out;
}

status put_all(chunk_store& store, write_slot& slot, const_byte_span bytes) {
    for (std::size_t n = block_size; !bytes.empty(); n += block_size) {
        const const_byte_span piece = bytes.first(std::min(n, bytes.size()));
        BFS_CHECK(store.put(slot, piece));
        bytes = bytes.subspan(piece.size());
    }
    return ok();
}

runtime::task<status> get_all(chunk_store& store, read_slot& slot, byte_span to) {
    for (std::size_t n = block_size; !to.empty(); n += block_size) {
        const byte_span piece = to.first(std::min(n, to.size()));
        status got = store.get(slot, piece);
        if (!got && got.error() == errc::try_again) {
            BFS_CO_CHECK(co_await store.fetch(slot));
            got = store.get(slot, piece);
        }
        BFS_CO_CHECK(got);
        to = to.subspan(piece.size());
    }
    co_return ok();
}

namespace {

/// Whether this transfer may go in pieces: every second one.
bool in_pieces() {
    static bool last = false;
    last = !last;
    return last;
}

} // namespace

runtime::task<status> write_chunk(chunk_store& store, chunk_id chunk, std::uint32_t offset,
                                  const_byte_span bytes) {
    write_slot slot;
    slot.chunk = chunk;
    slot.offset = offset;
    slot.size = static_cast<std::uint32_t>(bytes.size());
    slot.can_put = in_pieces();
    BFS_CO_CHECK(co_await store.prepare(slot));
    if (!slot.puts) {
        fill(slot, bytes);
    } else if (const status put = put_all(store, slot, bytes); !put) {
        store.abandon(slot);
        co_return put;
    }
    std::vector<std::uint32_t> sums;
    if (store.checksummed()) { sums = block_sums(offset, bytes); }
    const status done = co_await store.commit(slot, sums);
    REQUIRE(slot.target.count() == 0);
    co_return done;
}

runtime::task<result<byte_vector>> read_chunk(chunk_store& store, chunk_id chunk, std::uint32_t offset,
                                              std::uint32_t size) {
    read_slot slot;
    slot.chunk = chunk;
    slot.offset = offset;
    slot.size = size;
    slot.can_get = slot.caller_verifies = in_pieces();
    BFS_CO_CHECK(co_await store.read(slot));
    byte_vector bytes;
    if (slot.gets) {
        bytes.resize(slot.valid);
        if (const status got = co_await get_all(store, slot, bytes); !got) {
            store.release(slot);
            co_return got.error();
        }
    } else {
        bytes = collect(slot);
    }
    std::vector<std::uint32_t> sums(whole_blocks(offset, size));
    sums.resize(store.checksums(slot, sums));
    store.release(slot);
    const bool verified = slot.caller_verifies;
    const std::vector<std::uint32_t> expected =
        store.checksummed() ? block_sums(offset, bytes) : std::vector<std::uint32_t>{};
    // As a client does: once more, verified by the store (transfers of a pair differ).
    if (verified && sums != expected) { co_return co_await read_chunk(store, chunk, offset, size); }
    REQUIRE((sums == expected));
    co_return bytes;
}

void store_model::write(chunk_id chunk, std::uint32_t offset, const_byte_span bytes) {
    byte_vector& all = chunks[chunk];
    all.resize(std::max(all.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), all.begin() + offset);
}

void store_model::truncate(chunk_id chunk, std::uint32_t size) {
    byte_vector& all = chunks[chunk];
    if (size < all.size()) { all.resize(size); }
}

runtime::task<void> require_equal(chunk_store& store, const store_model& model) {
    for (const auto& [chunk, bytes] : model.chunks) {
        REQUIRE(store.length(chunk) == bytes.size());
        for (std::uint32_t at = 0; at < bytes.size(); at += max_transfer) {
            const auto want =
                static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size() - at, max_transfer));
            const result<byte_vector> got = co_await read_chunk(store, chunk, at, max_transfer);
            REQUIRE(got);
            REQUIRE(got->size() == want);
            REQUIRE(std::memcmp(got->data(), bytes.data() + at, want) == 0);
        }
    }
}

namespace {

std::uint32_t some_size(prng& random, std::uint32_t largest) {
    switch (random.below(4)) {
    case 0:
        return static_cast<std::uint32_t>(1 + random.below(5000));
    case 1:
        return static_cast<std::uint32_t>(1 + random.below(3)) * block_size;
    case 2:
        return static_cast<std::uint32_t>(1 + random.below(100'000));
    default:
        return static_cast<std::uint32_t>(1 + random.below(largest));
    }
}

std::uint32_t some_offset(prng& random, std::uint32_t length, std::uint32_t largest) {
    switch (random.below(4)) {
    case 0:
        return 0;
    case 1:
        return length; // append
    case 2:
        return static_cast<std::uint32_t>(random.below(largest)) / block_size * block_size;
    default:
        return static_cast<std::uint32_t>(random.below(largest));
    }
}

} // namespace

runtime::task<void> random_operations(chunk_store& store, std::uint64_t seed, int steps,
                                      std::uint32_t largest) {
    prng random(seed);
    store_model model;
    for (int step = 0; step < steps; ++step) {
        const chunk_id chunk = chunk_number(static_cast<std::uint32_t>(random.below(5)));
        const std::uint32_t length = store.length(chunk);
        const std::uint32_t size = some_size(random, largest);
        const std::uint32_t offset = some_offset(random, length, largest);
        const std::uint64_t what = random.below(10);
        if (what < 5) {
            const byte_vector bytes = pattern(size, random.next());
            CO_REQUIRE(co_await write_chunk(store, chunk, offset, bytes));
            model.write(chunk, offset, bytes);
        } else if (what < 8) {
            const result<byte_vector> got = co_await read_chunk(store, chunk, offset, size);
            REQUIRE(got);
            const byte_vector& all = model.chunks[chunk];
            const std::size_t want =
                offset >= all.size() ? 0 : std::min<std::size_t>(size, all.size() - offset);
            REQUIRE(got->size() == want);
            REQUIRE((want == 0 || std::memcmp(got->data(), all.data() + offset, want) == 0));
        } else if (what == 8) {
            CO_REQUIRE(co_await store.truncate(chunk, offset));
            model.truncate(chunk, offset);
        } else {
            write_slot slot;
            slot.chunk = chunk;
            slot.offset = offset;
            slot.size = size;
            CO_REQUIRE(co_await store.prepare(slot));
            // Not filled: an abandoned write that received nothing must leave nothing.
            store.abandon(slot);
        }
        REQUIRE(store.length(chunk) == model.chunks[chunk].size());
        if (step % 64 == 63) { co_await require_equal(store, model); }
    }
    co_await require_equal(store, model);
    for (const auto& [chunk, bytes] : model.chunks) { CO_REQUIRE(co_await store.remove(chunk)); }
    REQUIRE(store.stats().chunks == 0);
    REQUIRE(store.stats().bytes_used == 0);
}

} // namespace benchfs::storage
