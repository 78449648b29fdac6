// The raw limit of sequential transfers on a local file system: fio with its io_uring engine.
#pragma once

#include "raw_ucx.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace benchfs::bench {

/// Where fio is; empty if it is not installed (it is a package of its own and nothing else needs it).
[[nodiscard]] std::string find_fio();

struct fio_request {
    std::string program;
    std::string file; // written new by a write; a read reads it
    bool write = false;
    bool direct = false; // O_DIRECT; else through the page cache, and nothing is dropped from it
    std::uint64_t bytes = 0;
    std::size_t piece = 0; // bytes
    int depth = 1;
};

/// Microseconds a MiB. Not synced: neither side is. Blocks.
[[nodiscard]] raw_result measure_fio(const fio_request& asked);

} // namespace benchfs::bench
