// Every operation of the ring, for those who use several.
#pragma once

#include "benchfs/uring/ops/close.hpp"
#include "benchfs/uring/ops/fallocate.hpp"
#include "benchfs/uring/ops/fsync.hpp"
#include "benchfs/uring/ops/open.hpp"
#include "benchfs/uring/ops/poll.hpp"
#include "benchfs/uring/ops/read.hpp"
#include "benchfs/uring/ops/rename.hpp"
#include "benchfs/uring/ops/statx.hpp"
#include "benchfs/uring/ops/unlink.hpp"
#include "benchfs/uring/ops/write.hpp"
#include "benchfs/uring/transfer.hpp"
