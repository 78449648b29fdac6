#include "interrupt.hpp"

#include "command.hpp"

#include <unistd.h>

namespace benchfs::cli {
namespace {

volatile sig_atomic_t signals_seen = 0;
constexpr int patience = 3;

extern "C" void note_signal(int) {
    signals_seen = signals_seen + 1;
    if (signals_seen >= patience) { ::_exit(exit_interrupted); }
}

} // namespace

interrupt_scope::interrupt_scope() {
    signals_seen = 0;
    struct sigaction noting{};
    noting.sa_handler = note_signal; // no SA_RESTART: a read of the terminal ends with EINTR
    ::sigaction(SIGINT, &noting, &before_int_);
    ::sigaction(SIGTERM, &noting, &before_term_);
}

interrupt_scope::~interrupt_scope() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
}

bool interrupted() noexcept { return signals_seen != 0; }
void forget_interrupt() noexcept { signals_seen = 0; }

} // namespace benchfs::cli
