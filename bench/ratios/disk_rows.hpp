// The rows about the local disk: the io_uring engine against POSIX calls and fio on the same directory.
#pragma once

#include "rounds.hpp"

namespace benchfs::bench {

void measure_disk(rounds& table);

} // namespace benchfs::bench
