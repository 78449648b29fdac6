// The files of a BenchFS Mini server: a map in memory.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <new>
#include <string>
#include <vector>

namespace benchfs::mini {

/// A map of whole files. Everything counts against one limit, also what has not become a file yet.
class store {
public:
    static constexpr std::uint64_t entry_cost = 4096; // of a file beside its bytes

    explicit store(std::uint64_t limit) : limit_(limit) {}

    [[nodiscard]] bool take(std::uint64_t bytes) noexcept {
        if (bytes > limit_ - used_) { return false; }
        used_ += bytes;
        return true;
    }
    void give_back(std::uint64_t bytes) noexcept { used_ -= bytes; }
    [[nodiscard]] const std::vector<std::byte>* find(const std::string& path) const {
        const auto at = files_.find(path);
        return at == files_.end() ? nullptr : &at->second;
    }
    /// All or nothing. `replace` leaves nothing of what was there; else the file keeps its bytes and grows,
    /// with zeros before the offset.
    [[nodiscard]] status write(const std::string& path, std::uint64_t offset, const_byte_span data,
                               bool replace);
    [[nodiscard]] status remove(const std::string& path) {
        const auto at = files_.find(path);
        if (at == files_.end()) { return errc::not_found; }
        give_back(at->second.size() + entry_cost);
        files_.erase(at);
        return ok();
    }
    [[nodiscard]] std::uint64_t used() const noexcept { return used_; }
    [[nodiscard]] std::size_t count() const noexcept { return files_.size(); }

private:
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    std::map<std::string, std::vector<std::byte>> files_;
};

inline status store::write(const std::string& path, std::uint64_t offset, const_byte_span data, bool replace) {
    if (offset > limit_) { return errc::file_too_large; }
    const std::vector<std::byte>* old = find(path);
    const std::uint64_t before = old == nullptr ? 0 : old->size() + entry_cost;
    const std::uint64_t kept = old == nullptr || replace ? 0 : old->size();
    const std::uint64_t after = std::max(kept, data.empty() ? 0 : offset + data.size()) + entry_cost;
    if (after > before && !take(after - before)) { return errc::no_space; }
    try {
        files_[path].resize(after - entry_cost);
    } catch (const std::bad_alloc&) {
        if (after > before) { give_back(after - before); }
        return errc::no_memory;
    }
    if (after < before) { give_back(before - after); }
    std::copy(data.begin(), data.end(),
              files_[path].begin() + static_cast<std::ptrdiff_t>(data.empty() ? 0 : offset));
    return ok();
}

/// Memory of a request under way, counted while it lives.
class counted_bytes {
public:
    explicit counted_bytes(store& of) noexcept : store_(of) {}
    counted_bytes(const counted_bytes&) = delete;
    counted_bytes& operator=(const counted_bytes&) = delete;
    ~counted_bytes() { clear(); }

    [[nodiscard]] bool grow(std::size_t n) {
        if (!store_.take(n)) { return false; }
        try {
            bytes.resize(bytes.size() + n);
        } catch (const std::bad_alloc&) {
            store_.give_back(n);
            return false;
        }
        return true;
    }
    void clear() noexcept {
        store_.give_back(bytes.size());
        std::vector<std::byte>().swap(bytes);
    }

    std::vector<std::byte> bytes;

private:
    store& store_;
};

} // namespace benchfs::mini
