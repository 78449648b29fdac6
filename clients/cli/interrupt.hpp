// Ctrl-C (and SIGTERM) as a request to stop: what runs is asked to end, and says what is there.
#pragma once

#include <signal.h>

namespace benchfs::cli {

/// While one of these lives, SIGINT and SIGTERM are only noted; the third one ends the process at once. The
/// dispositions before it come back with its end. One at a time.
class interrupt_scope {
public:
    interrupt_scope();
    ~interrupt_scope();
    interrupt_scope(const interrupt_scope&) = delete;
    interrupt_scope& operator=(const interrupt_scope&) = delete;

private:
    struct sigaction before_int_{};
    struct sigaction before_term_{};
};

/// Whether a signal came since the scope began; asked of the innermost time only.
[[nodiscard]] bool interrupted() noexcept;
void forget_interrupt() noexcept;

} // namespace benchfs::cli
