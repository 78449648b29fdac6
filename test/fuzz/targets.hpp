// All fuzz targets, one line each.
#pragma once

#include "target.hpp"

#include <array>

namespace benchfs::fuzz {

inline constexpr std::array all_targets{
    &frame_target,         &server_target,      &client_target,    &registry_target,
    &log_files_target,     &log_records_target, &log_peers_target, &window_server_target,
    &window_client_target, &wire_target,        &config_target,
};

} // namespace benchfs::fuzz
