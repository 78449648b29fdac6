// The plain reference for bytes and sizes: which values a read may return.
//
// Files are cells of 64 bytes. A write fills cells with words that name it (its number and the place), so every
// byte that comes back tells where it belongs. A cell keeps the writes that may still be its value: one that
// was answered rules out all that ended before it began; one whose outcome is unknown stays possible, and rules
// out nothing, until a read shows it.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/clock.hpp"
#include "benchfs/base/types.hpp"

#include <chrono>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace benchfs::sim {

inline constexpr std::uint64_t cell_size = 64;
/// A message of an operation that was given up cannot arrive later than this.
inline constexpr duration longest_echo = std::chrono::seconds(60);

/// How an operation ended: did it happen?
enum class fate : std::uint8_t { done, none, maybe };

class data_model {
public:
    /// Fills memory for write number `op` at `offset` of a file.
    static void fill(byte_span memory, std::uint32_t op, std::uint64_t offset) noexcept;

    void begin_write(std::uint32_t op, file_id f, std::uint64_t offset, std::uint64_t size, time_point now);
    void begin_truncate(std::uint32_t op, file_id f, std::uint64_t size, time_point now);
    /// An append: where it went is told by its first reader.
    void end(std::uint32_t op, fate what, time_point now);

    /// "" if a read of [offset, offset + wanted) that took from `begin` to now may have given these bytes, else
    /// what is wrong.
    [[nodiscard]] std::string check_read(file_id f, std::uint64_t offset, std::uint64_t wanted,
                                         const_byte_span got, time_point begin, time_point now);
    [[nodiscard]] std::string check_size(file_id f, std::uint64_t size, time_point begin, time_point now);

    /// The file of the next check may be going away: its bytes may be zeros already.
    bool fading = false;

    /// All servers have lost power; what ended before `synced` is still there.
    void lose_power(time_point synced, time_point now);

private:
    struct version {
        std::uint32_t op = 0;
        bool zero = true;
        time_point begin = time_point::min();
        time_point end = time_point::min(); // max(): not yet
        time_point dead = time_point::max();
    };
    struct size_change {
        std::uint32_t op;
        std::uint64_t size;
        bool cut; // sets the size; else only raises it
        bool sure = false;
        time_point begin;
        time_point end = time_point::max();
    };
    struct file_state {
        std::map<std::uint64_t, std::vector<version>> cells;
        std::vector<size_change> sizes;
    };
    struct operation {
        file_id file;
        std::uint64_t first = 0; // cell
        std::uint64_t last = 0;  // one behind
        bool cut = false;
    };
    [[nodiscard]] std::vector<version>& versions(file_state& f, std::uint64_t cell);
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> size_bounds(file_state& f, time_point begin,
                                                                      time_point now);
    [[nodiscard]] std::string check_cell(file_state& f, std::uint64_t cell, const_byte_span bytes,
                                         time_point begin, time_point now);

    time_point power_lost_ = time_point::min();
    std::unordered_map<file_id, file_state> files_;
    std::unordered_map<std::uint32_t, operation> operations_;
};

} // namespace benchfs::sim
