// The memory for transfers: so much at a time, and what is given back can be had again.
#include "catch.hpp"

#include "benchfs/storage/disk_memory.hpp"
#include "benchfs/storage/io_buffers.hpp"

using namespace benchfs;
using namespace benchfs::storage;

TEST_CASE("transfers get so much memory and not more, until others give theirs back") {
    disk_image image;
    disk_memory disk(image);
    constexpr std::uint32_t blocks = MiB / block_size;
    io_buffers buffers(disk, 4 * MiB);
    std::vector<block_buffer> held(4);
    for (block_buffer& b : held) { REQUIRE(buffers.acquire(blocks, b)); }
    block_buffer more;
    CHECK(buffers.acquire(1, more).error() == errc::try_again);
    CHECK(buffers.acquire(blocks, more).error() == errc::try_again);
    REQUIRE(buffers.acquire_beyond(blocks, more)); // what has begun goes on
    buffers.release(held[0]);
    CHECK(buffers.acquire(blocks, held[0]).error() == errc::try_again);
    buffers.release(more);
    REQUIRE(buffers.acquire(blocks, held[0]));
    for (block_buffer& b : held) { buffers.release(b); }
    REQUIRE(buffers.acquire(4 * blocks, more));
    buffers.release(more);
}
