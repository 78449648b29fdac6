// The error text of a thread, and how errors leave the C API: a text kept, -errno returned.
#pragma once

#include "benchfs/base/errc.hpp"
#include "benchfs/base/types.hpp"

#include <optional>
#include <string_view>

namespace benchfs::c {

/// Keeps "operation subject: reason" for benchfs_get_error() and gives -errno. Never throws, never allocates.
int fail(errc error, std::string_view operation, std::string_view subject = {},
         std::string_view reason = {}) noexcept;

/// The same for a sync; it names the server whose loss the sync told of, if that is why.
int fail_sync(errc error, std::optional<server_id> loser, std::string_view operation,
              std::string_view subject) noexcept;

/// Adds to the text of a failure just kept who did not answer, if that is why.
void name_silent_server(std::optional<server_id> who) noexcept;

/// This thread's last text.
[[nodiscard]] const char* last_error() noexcept;

/// Once a thread: gives back what the runtime keeps for it when the thread ends.
void note_thread() noexcept;

} // namespace benchfs::c
