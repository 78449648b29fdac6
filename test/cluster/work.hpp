// What the clients of the cluster tests do: mount, and write and check files with a pattern.
#pragma once

#include "benchfs/api/benchfs.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace benchfs::test {

/// Bytes that differ from file to file and from offset to offset.
[[nodiscard]] std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed);

[[nodiscard]] client_options client_of(const std::string& registry, const std::string& transport = "auto");

/// Mounts or throws std::runtime_error with the reason.
[[nodiscard]] std::unique_ptr<mounted> mount_or_throw(const client_options& options);

/// "ok" or the name of the error: for tests to compare and print.
template <class T>
[[nodiscard]] std::string outcome(const result<T>& r) {
    return r ? "ok" : std::string(name(r.error()));
}

/// Creates a file of that many bytes with one write.
[[nodiscard]] task<status> write_file(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed);
/// io_error if the file is not what write_file() made.
[[nodiscard]] task<status> check_file(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed);
/// Both.
[[nodiscard]] task<status> write_and_check(file_system& fs, std::string path, std::size_t bytes,
                                           std::uint64_t seed);

} // namespace benchfs::test
