#include "work.hpp"

#include <cstring>
#include <stdexcept>

namespace benchfs::test {

std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed) {
    std::vector<std::byte> out((bytes + 7) / 8 * 8);
    for (std::size_t at = 0; at < out.size(); at += 8) {
        const std::uint64_t word = mix64(seed * 0x9e3779b97f4a7c15ULL + at);
        std::memcpy(out.data() + at, &word, 8);
    }
    out.resize(bytes);
    return out;
}

client_options client_of(const std::string& registry, const std::string& transport) {
    client_options options;
    options.registry_dir = registry;
    options.transport = transport;
    return options;
}

std::unique_ptr<mounted> mount_or_throw(const client_options& options) {
    std::string why;
    auto made = mount(options, why);
    if (!made) { throw std::runtime_error("mount: " + why); }
    return std::move(*made);
}

task<status> write_file(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed) {
    const std::vector<std::byte> data = pattern(bytes, seed);
    BFS_CO_TRY(file f, co_await fs.open(path, open_flags::write | open_flags::create));
    BFS_CO_TRY(const std::size_t written, co_await f.write(data, 0));
    if (written != bytes) { co_return errc::io_error; }
    co_return ok();
}

task<status> check_file(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed) {
    const std::vector<std::byte> data = pattern(bytes, seed);
    std::vector<std::byte> back(bytes + 1);
    BFS_CO_TRY(file f, co_await fs.open(path, open_flags::read));
    BFS_CO_TRY(const std::size_t count, co_await f.read(back, 0));
    back.resize(count);
    // Not ==, which compares byte by byte.
    const bool same = count == bytes && (bytes == 0 || std::memcmp(back.data(), data.data(), bytes) == 0);
    if (!same) { co_return errc::io_error; }
    co_return ok();
}

task<status> write_and_check(file_system& fs, std::string path, std::size_t bytes, std::uint64_t seed) {
    BFS_CO_CHECK(co_await write_file(fs, path, bytes, seed));
    co_return co_await check_file(fs, path, bytes, seed);
}

} // namespace benchfs::test
