#include "command.hpp"

namespace benchfs::cli {
std::span<const command> health_commands() { return {}; }
} // namespace benchfs::cli
