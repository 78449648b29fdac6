#include "swapped_store.hpp"

namespace benchfs::sim {
namespace {

using namespace storage;
using runtime::task;

class swapped_store final : public chunk_store {
public:
    swapped_store(std::unique_ptr<chunk_store> below, std::function<bool()> choose)
        : below_(std::move(below)), choose_(std::move(choose)) {}

    std::string_view name() const noexcept override { return below_->name(); }
    bool checksummed() const noexcept override { return below_->checksummed(); }
    bool immediate() const noexcept override { return below_->immediate(); }
    status prepare_now(write_slot& slot) override {
        mix_up(slot);
        return below_->prepare_now(slot);
    }
    status commit_now(write_slot& slot) override { return below_->commit_now(slot); }
    status read_now(read_slot& slot) override { return below_->read_now(slot); }
    task<status> prepare(write_slot& slot) override {
        mix_up(slot);
        return below_->prepare(slot);
    }
    task<status> commit(write_slot& slot, std::span<const std::uint32_t> crcs) override {
        return below_->commit(slot, crcs);
    }
    status put(write_slot& slot, const_byte_span bytes) override { return below_->put(slot, bytes); }
    status get(read_slot& slot, byte_span to) override { return below_->get(slot, to); }
    task<status> fetch(read_slot& slot) override { return below_->fetch(slot); }
    void abandon(write_slot& slot) noexcept override { below_->abandon(slot); }
    task<status> read(read_slot& slot) override { return below_->read(slot); }
    void release(read_slot& slot) noexcept override { below_->release(slot); }
    std::size_t checksums(const read_slot& slot, std::span<std::uint32_t> out) const noexcept override {
        return below_->checksums(slot, out);
    }
    task<status> truncate(chunk_id chunk, std::uint32_t size) override { return below_->truncate(chunk, size); }
    task<status> sync() override { return below_->sync(); }
    std::uint32_t length(chunk_id chunk) const noexcept override { return below_->length(chunk); }
    store_stats stats() const noexcept override { return below_->stats(); }
    wal* log() noexcept override { return below_->log(); }
    void visit_chunks(chunk_visitor& visitor) override { below_->visit_chunks(visitor); }
    task<status> close() override { return below_->close(); }

private:
    void mix_up(io_slot& slot) {
        if (choose_()) { slot.chunk.index ^= 1; }
    }
    std::unique_ptr<chunk_store> below_;
    std::function<bool()> choose_;
};

} // namespace

std::unique_ptr<chunk_store> make_swapped_store(std::unique_ptr<chunk_store> below,
                                                std::function<bool()> choose) {
    return std::make_unique<swapped_store>(std::move(below), std::move(choose));
}

} // namespace benchfs::sim
