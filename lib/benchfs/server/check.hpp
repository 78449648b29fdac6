// Verifying the store of a stopped server: log, maps, every checksum, and the namespace.
#pragma once

#include "benchfs/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace benchfs::server {

struct check_report {
    std::vector<std::string> problems; // what is wrong, and where; none: the store is good
    std::vector<std::string> notes;    // what the next start will do, or is good to know
    std::uint64_t changes = 0;         // in the log
    std::uint64_t chunks = 0;
    std::uint64_t blocks = 0; // verified
    std::uint64_t files = 0;
    std::uint64_t directories = 0;

    /// For a person.
    [[nodiscard]] std::string text() const;
};

/// Checks the store in a data directory and changes nothing. An error says, with a text in `why`, that it could
/// not be checked (not_found: no store there; busy: a server uses it), not that it is damaged. Blocks until
/// done.
[[nodiscard]] result<check_report> check_store(const std::string& data_dir, std::string& why);

} // namespace benchfs::server
