// Small files of a shared directory, written so that a reader on any machine sees all of one or nothing: a
// temporary file and then one rename or link, which NFS does atomically too. No locks.
//
// Synchronous: for start-up, stop and the rare look at a directory, never on the path of an operation.
#pragma once

#include "benchfs/base/bytes.hpp"
#include "benchfs/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace benchfs::cluster {

/// The whole file. file_too_large beyond `limit` bytes; else the errno of the step that failed.
[[nodiscard]] result<std::string> read_small_file(const std::string& path, std::size_t limit);

/// Puts the file in place of whatever is there, synced to the device first.
[[nodiscard]] status replace_file(const std::string& path, std::string_view content, mode_t mode);

/// The same if nothing is there; already_exists if something is, complete and whoever wrote it.
[[nodiscard]] status create_file(const std::string& path, std::string_view content, mode_t mode);

} // namespace benchfs::cluster
