// The plain reference for files that are only appended to: each record that was acknowledged is there once,
// whole and in the order of its client; one that failed is not; one that nobody knows of is there once, or the
// beginning of it, or not at all. What one request carries, up to a chunk, is in one piece. Between records
// there is nothing, not even zeros.
#pragma once

#include "data_model.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace benchfs::sim {

class append_model {
public:
    /// `piece` in bytes: what one request appends at most.
    explicit append_model(std::uint64_t piece) noexcept : piece_cells_(piece / cell_size) {}

    /// `size` in bytes: whole cells. Bytes of a record are those of data_model::fill() at offset 0.
    void begin(std::uint32_t op, unsigned client, std::uint64_t size);
    /// `written` bytes were acknowledged, if it is done.
    void end(std::uint32_t op, fate what, std::uint64_t written);

    /// "" if these bytes can be a piece of the file, from the beginning of a cell.
    [[nodiscard]] std::string check_piece(const_byte_span bytes) const;
    /// "" if these bytes can be the whole file, when nobody appends any more.
    [[nodiscard]] std::string check_whole(const_byte_span bytes) const;

private:
    struct record {
        unsigned client = 0;
        std::uint64_t cells = 0;
        fate what = fate::maybe;
    };
    std::uint64_t piece_cells_;
    std::map<std::uint32_t, record> records_;
};

} // namespace benchfs::sim
