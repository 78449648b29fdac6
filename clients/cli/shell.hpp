// Commands one after the other: from a person with a line editor, or from a script on standard input.
#pragma once

#include "session.hpp"

namespace benchfs::cli {

/// Until "quit" or the end of the input. A failed command ends neither the shell nor what is mounted. Gives the
/// exit code of the last command.
[[nodiscard]] int run_shell(session& s);

/// Until the end of the input or the first command that fails, whose exit code is given.
[[nodiscard]] int run_script(session& s);

} // namespace benchfs::cli
