// The payloads of reads and writes in pieces: between the transport's memory and the chunk store, without a
// copy in between. Behind the bytes lie the checksums of their blocks.
#pragma once

#include "benchfs/storage/chunk_store.hpp"
#include "benchfs/transport/transport.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace benchfs::server {

/// Puts the bytes of a write where its slot wants them, and the checksums behind them into `crcs`.
class chunk_taker final : public transport::payload_taker {
public:
    chunk_taker(storage::chunk_store& store, storage::write_slot& slot, std::span<std::uint32_t> crcs) noexcept
        : store_(store), slot_(slot), to_put_(slot.size), crcs_(std::as_writable_bytes(crcs)) {}

    [[nodiscard]] errc take(const_byte_span bytes) noexcept override {
        const std::size_t data = std::min<std::size_t>(to_put_, bytes.size());
        if (data != 0) {
            if (const status put = store_.put(slot_, bytes.first(data)); !put) { return put.error(); }
            to_put_ -= static_cast<std::uint32_t>(data);
        }
        const const_byte_span sums = bytes.subspan(data);
        if (sums.size() > crcs_.size()) { return errc::bad_frame; }
        if (!sums.empty()) { std::memcpy(crcs_.data(), sums.data(), sums.size()); }
        crcs_ = crcs_.subspan(sums.size());
        return errc::ok;
    }
    [[nodiscard]] bool likes_more() const noexcept override { return slot_.gathers; }

private:
    storage::chunk_store& store_;
    storage::write_slot& slot_;
    std::uint32_t to_put_;
    byte_span crcs_; // what has not come yet
};

/// Makes the reply to a read that gets: its bytes, and the checksums of its blocks. Its handler, when that
/// resumes because a piece was not in memory, fetches it, or tells fail().
class chunk_maker final : public transport::payload_maker {
public:
    chunk_maker(storage::chunk_store& store, storage::read_slot& slot, std::span<std::uint32_t> crcs) noexcept
        : store_(store), slot_(slot), to_get_(slot.valid), sums_(crcs), crcs_(std::as_bytes(crcs)) {}

    [[nodiscard]] std::uint32_t bytes() const noexcept {
        return to_get_ + static_cast<std::uint32_t>(crcs_.size());
    }

    [[nodiscard]] bool make(byte_span to) noexcept override {
        const std::size_t data = std::min<std::size_t>(to_get_, to.size());
        if (data != 0) {
            if (failed_) {
                std::memset(to.data(), 0, data);
            } else if (!store_.get(slot_, to.first(data))) {
                return false;
            }
            to_get_ -= static_cast<std::uint32_t>(data);
        }
        const byte_span rest = to.subspan(data);
        if (!rest.empty()) { std::memcpy(rest.data(), crcs_.data(), rest.size()); }
        crcs_ = crcs_.subspan(rest.size());
        return true;
    }

    /// The rest cannot be had, and the reply is on its way already: zeros go out, and for the last of them a
    /// checksum that is wrong. Their reader then asks again, has the server verify, and gets the error.
    void fail() noexcept {
        failed_ = true;
        sums_.back() = ~storage::zero_block_crc();
    }

private:
    storage::chunk_store& store_;
    storage::read_slot& slot_;
    std::uint32_t to_get_;
    std::span<std::uint32_t> sums_;
    const_byte_span crcs_; // what has not left yet
    bool failed_ = false;
};

} // namespace benchfs::server
