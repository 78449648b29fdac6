// Shared memory for windows: allocated by UCX at the server, reached by the client through `ucp_rkey_ptr`.
//
// It has a UCX context of its own, with shared-memory transports only, whatever UCX_TLS says; no message is
// ever sent through it (a process killed while it sends UCX shared-memory messages wedges its peer). Neither
// worker needs progress.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"

#include <memory>
#include <vector>

namespace benchfs::transport::window {

class shared_context;

/// A piece of shared memory, on either side. Unmapped (and, by the server, freed) when destroyed; must not
/// outlive its context.
class shared_memory {
public:
    virtual ~shared_memory() = default;
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

protected:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

class shared_context {
public:
    /// not_supported when UCX offers no shared memory here; the reason is logged.
    [[nodiscard]] static result<std::unique_ptr<shared_context>> create();
    virtual ~shared_context() = default;

    /// Server side: zeroed memory, and in `key` what a client needs to reach it (some 300 bytes).
    [[nodiscard]] virtual result<std::unique_ptr<shared_memory>> allocate(std::size_t bytes,
                                                                          std::vector<std::byte>& key) = 0;
    /// Client side: maps what allocate() described. The key comes from the wire and may be anything; an error
    /// means that the memory cannot be reached from here.
    [[nodiscard]] virtual result<std::unique_ptr<shared_memory>> attach(const_byte_span key) = 0;
};

} // namespace benchfs::transport::window
