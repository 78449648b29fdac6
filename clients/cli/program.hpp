// benchfs-cli: one command from the command line, or a shell.
#pragma once

namespace benchfs::cli {

/// The whole program; gives its exit code. In the library, since one more source with CLI11 in it takes long to
/// compile.
[[nodiscard]] int run_program(int argc, const char* const* argv);

} // namespace benchfs::cli
