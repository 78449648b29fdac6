#include "toy_engine.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace benchfs::storage {
namespace {

/// Chunks as vectors in a map; a slot owns a copy of its bytes.
class toy_store final : public chunk_store {
public:
    explicit toy_store(std::uint64_t limit) : limit_(limit) {}

    std::string_view name() const noexcept override { return "toy"; }
    bool checksummed() const noexcept override { return false; }

    void visit_chunks(chunk_visitor& visitor) override {
        for (const auto& [id, bytes] : chunks_) { visitor.chunk(id, static_cast<std::uint32_t>(bytes.size())); }
    }

    runtime::task<status> prepare(write_slot& slot) override {
        BFS_CO_CHECK(check_range(slot));
        if (used() + slot.size > limit_) { co_return errc::no_space; }
        auto* bytes = new std::vector<std::byte>(slot.size);
        slot.engine_word[0] = reinterpret_cast<std::uintptr_t>(bytes);
        slot.target.clear();
        slot.target.push(*bytes);
        co_return ok();
    }

    runtime::task<status> commit(write_slot& slot, std::span<const std::uint32_t>) override {
        const auto bytes = take(slot);
        slot.target.clear();
        if (!bytes) { co_return errc::invalid_argument; }
        std::vector<std::byte>& chunk = chunks_[slot.chunk];
        chunk.resize(std::max<std::size_t>(chunk.size(), slot.offset + slot.size));
        std::copy(bytes->begin(), bytes->end(), chunk.begin() + slot.offset);
        co_return ok();
    }

    void abandon(write_slot& slot) noexcept override {
        take(slot);
        slot.target.clear();
    }

    runtime::task<status> read(read_slot& slot) override {
        slot.source.clear();
        slot.valid = 0;
        slot.engine_word[0] = 0;
        BFS_CO_CHECK(check_range(slot));
        const std::uint32_t have = length(slot.chunk);
        if (slot.offset >= have) { co_return ok(); }
        slot.valid = std::min(slot.size, have - slot.offset);
        const auto from = chunks_[slot.chunk].begin() + slot.offset;
        auto* bytes = new std::vector<std::byte>(from, from + slot.valid);
        slot.engine_word[0] = reinterpret_cast<std::uintptr_t>(bytes);
        slot.source.push(*bytes);
        co_return ok();
    }

    void release(read_slot& slot) noexcept override {
        take(slot);
        slot.source.clear();
        slot.valid = 0;
    }

    std::size_t checksums(const read_slot&, std::span<std::uint32_t>) const noexcept override { return 0; }

    runtime::task<status> truncate(chunk_id chunk, std::uint32_t size) override {
        if (size < length(chunk)) { chunks_[chunk].resize(size); }
        if (length(chunk) == 0) { chunks_.erase(chunk); }
        co_return ok();
    }

    runtime::task<status> sync() override { co_return ok(); }

    std::uint32_t length(chunk_id chunk) const noexcept override {
        const auto found = chunks_.find(chunk);
        return found == chunks_.end() ? 0 : static_cast<std::uint32_t>(found->second.size());
    }

    store_stats stats() const noexcept override { return {chunks_.size(), used(), limit_, 0}; }
    runtime::task<status> close() override { co_return ok(); }

private:
    static std::unique_ptr<std::vector<std::byte>> take(io_slot& slot) noexcept {
        auto* bytes = reinterpret_cast<std::vector<std::byte>*>(std::exchange(slot.engine_word[0], 0));
        return std::unique_ptr<std::vector<std::byte>>(bytes);
    }
    std::uint64_t used() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& [id, bytes] : chunks_) { sum += bytes.size(); }
        return sum;
    }

    std::uint64_t limit_;
    std::map<chunk_id, std::vector<std::byte>> chunks_;
};

} // namespace

opened_store open_toy_engine(store_environment&, store_options options) {
    const std::uint64_t limit = options.memory_limit != 0 ? options.memory_limit : 1 * GiB;
    std::unique_ptr<chunk_store> store = std::make_unique<toy_store>(limit);
    co_return store;
}

} // namespace benchfs::storage
