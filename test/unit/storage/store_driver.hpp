// What the storage tests share: a place to run stores, whole writes and reads, and a model to compare with.
#pragma once

#include "../co_require.hpp"

#include "benchfs/base/prng.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/storage/engines.hpp"
#include "benchfs/uring/ring.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace benchfs::storage {

using byte_vector = std::vector<std::byte>;

/// A fresh directory below `parent`, removed with everything in it.
class scratch_dir {
public:
    explicit scratch_dir(std::string parent = "/tmp");
    scratch_dir(const scratch_dir&) = delete;
    scratch_dir& operator=(const scratch_dir&) = delete;
    ~scratch_dir();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// A loop driven by a ring.
struct rig {
    rig();
    runtime::loop loop;
    std::unique_ptr<uring::ring> ring;
    store_environment environment;
};

[[nodiscard]] inline chunk_id chunk_number(std::uint32_t n) {
    return {file_id::make(server_id{0}, 100 + n / 4), n % 4};
}

/// Bytes that differ from place to place and from seed to seed.
[[nodiscard]] byte_vector pattern(std::size_t bytes, std::uint64_t seed);
[[nodiscard]] std::vector<std::uint32_t> block_sums(std::uint32_t offset, const_byte_span bytes);

void fill(write_slot& slot, const_byte_span bytes);
[[nodiscard]] byte_vector collect(const read_slot& slot);
/// The same in pieces, for slots that put, and that get.
[[nodiscard]] status put_all(chunk_store& store, write_slot& slot, const_byte_span bytes);
[[nodiscard]] runtime::task<status> get_all(chunk_store& store, read_slot& slot, byte_span to);

/// prepare, fill (every second time in pieces, if the store can), commit with checksums if the store wants
/// them. Store and bytes must outlive the task.
[[nodiscard]] runtime::task<status> write_chunk(chunk_store& store, chunk_id chunk, std::uint32_t offset,
                                                const_byte_span bytes);
/// The valid bytes; fails the test when a checksum that comes with them is wrong.
[[nodiscard]] runtime::task<result<byte_vector>> read_chunk(chunk_store& store, chunk_id chunk,
                                                            std::uint32_t offset, std::uint32_t size);

/// What the chunks should hold.
struct store_model {
    std::map<chunk_id, byte_vector> chunks;
    void write(chunk_id chunk, std::uint32_t offset, const_byte_span bytes);
    void truncate(chunk_id chunk, std::uint32_t size);
};

/// Every chunk of the model read whole, with its length.
[[nodiscard]] runtime::task<void> require_equal(chunk_store& store, const store_model& model);

/// `steps` random operations on a few chunks, each compared with the model; then everything is removed.
[[nodiscard]] runtime::task<void> random_operations(chunk_store& store, std::uint64_t seed, int steps,
                                                    std::uint32_t largest);

} // namespace benchfs::storage
