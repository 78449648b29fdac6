// What does not fit together in an inventory.
#pragma once

#include "benchfs/client/fsck.hpp"
#include "benchfs/cluster/placement.hpp"

namespace benchfs {

/// Puts into the report what there is and every fault that shows in it, in the order of the files.
void compare_inventory(const held_everything& all, const cluster::placement& placement, fsck_report& report);

} // namespace benchfs
