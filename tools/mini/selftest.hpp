// benchfs-mini selftest: a server in a process of its own and a client in this one.
#pragma once

#include "walk.hpp"

#include <string>

namespace benchfs::mini {

/// The exit code: 0 after "OK", 1 after the step that failed and its likely cause. The registry is made and
/// removed.
[[nodiscard]] int selftest(const walk_options& options, const std::string& advertise, bool quiet);

} // namespace benchfs::mini
