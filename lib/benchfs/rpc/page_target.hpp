// Receives a reply whose payload is a page of records.
#pragma once

#include "benchfs/rpc/call.hpp"

namespace benchfs::rpc {

/// Where a page goes: a buffer of ours, as much of it as the reply has.
class page_target final : public payload_target {
public:
    explicit page_target(byte_span room) noexcept : room_(room) {}
    bool place(const_byte_span, std::size_t size, segments& out) noexcept override {
        size_ = size;
        out.push(room_.first(size));
        return size <= room_.size();
    }
    [[nodiscard]] const_byte_span page() const noexcept { return room_.first(size_); }

private:
    byte_span room_;
    std::size_t size_ = 0;
};

} // namespace benchfs::rpc
