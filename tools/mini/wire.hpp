// What crosses the network between BenchFS Mini's clients and servers, little-endian throughout.
//
// A request is u16 id, u32 path length, u32 data length, then for write_at and read_at u64 offset, then the
// path, then for writes the data. The answer is i32 status (0 or -errno), then for reads u32 length (0 when it
// failed) and the bytes (of usage: its answer as a struct), for size u64 size (0 when it failed).
#pragma once

#include "benchfs_mini.h"

#include "benchfs/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace benchfs::mini {

/// 1 and 2 are the original protocol; the rest is ours.
enum class rpc : std::uint16_t {
    write = 1,
    read = 2,
    write_at = 3,
    read_at = 4,
    size = 5,
    remove = 6,
    usage = 7
};

inline constexpr std::array<const char*, 8> rpc_names = {"?",       "write", "read",   "write_at",
                                                         "read_at", "size",  "remove", "usage"};

[[nodiscard]] inline const char* name_of(rpc id) { return rpc_names.at(static_cast<std::size_t>(id)); }
[[nodiscard]] inline bool is_known(std::uint16_t id) { return id >= 1 && id < rpc_names.size(); }
[[nodiscard]] inline bool has_offset(rpc id) { return id == rpc::write_at || id == rpc::read_at; }
[[nodiscard]] inline bool is_write(rpc id) { return id == rpc::write || id == rpc::write_at; }
[[nodiscard]] inline bool is_read(rpc id) { return id == rpc::read || id == rpc::read_at || id == rpc::usage; }

struct request {
    rpc id = rpc::write;
    std::uint32_t data_length = 0; // that follow, or that the buffer takes
    std::uint64_t offset = 0;
    std::string path;
};

/// What usage reads; its path says nothing.
struct usage_answer {
    std::uint64_t limit = 0; // bytes
    std::uint64_t used = 0;
    std::uint64_t files = 0;
};

/// "" or what no client of ours sends.
[[nodiscard]] inline std::string objection(const request& r, std::uint32_t path_length) {
    if (path_length == 0 || path_length > BENCHFS_MINI_PATH_MAX) {
        return std::string(name_of(r.id)) + " with a path of " + std::to_string(path_length) + " bytes";
    }
    if (r.data_length > (is_write(r.id) || is_read(r.id) ? std::uint32_t{BENCHFS_MINI_DATA_MAX} : 0)) {
        return std::string(name_of(r.id)) + " with data of " + std::to_string(r.data_length) + " bytes";
    }
    return {};
}

inline void append(std::vector<std::byte>& to, const_byte_span more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// All but the data.
[[nodiscard]] inline std::vector<std::byte> encode(const request& r) {
    std::vector<std::byte> head;
    const auto id = static_cast<std::uint16_t>(r.id);
    const auto path_length = static_cast<std::uint32_t>(r.path.size());
    append(head, bytes_of(id));
    append(head, bytes_of(path_length));
    append(head, bytes_of(r.data_length));
    if (has_offset(r.id)) { append(head, bytes_of(r.offset)); }
    append(head, std::as_bytes(std::span(r.path.data(), r.path.size())));
    return head;
}

} // namespace benchfs::mini
