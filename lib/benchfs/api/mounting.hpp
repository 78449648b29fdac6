// Mounting for the C API, whose calls come from any thread of a process, one at a time.
#pragma once

#include "benchfs/api/benchfs.hpp"

namespace benchfs {

/// As mount(), with an io_uring that the kernel does not tie to the calling thread.
[[nodiscard]] result<std::unique_ptr<mounted>> mount_for_any_thread(const client_options& options,
                                                                    std::string& why);

} // namespace benchfs
