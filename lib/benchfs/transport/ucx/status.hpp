// UCX's status codes as benchfs errors.
#pragma once

#include "benchfs/base/errc.hpp"

#include <ucs/type/status.h>

namespace benchfs::transport::ucx {

/// Total: UCS_OK is ok, everything that means "the other side is gone" is peer_down, what has no better name is
/// io_error.
[[nodiscard]] errc to_errc(ucs_status_t status) noexcept;

} // namespace benchfs::transport::ucx
