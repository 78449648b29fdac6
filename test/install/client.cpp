// A program outside the source tree: compiled against the installed headers with `pkg-config benchfs`. It
// writes a file on the server it finds through the registry directory argv[1], reads it back and compares.
#include <benchfs/api/benchfs.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view text = "written by an installed program";

benchfs::task<benchfs::status> app(benchfs::file_system& fs) {
    auto file =
        co_await fs.open("/installed", benchfs::open_flags::read_write | benchfs::open_flags::create, 0644);
    if (!file) { co_return file.error(); }

    auto written = co_await file->write(std::as_bytes(std::span(text)), 0);
    if (!written) { co_return written.error(); }

    std::array<std::byte, 64> back{};
    auto count = co_await file->read(back, 0);
    if (!count) { co_return count.error(); }
    if (*count != text.size() || std::memcmp(back.data(), text.data(), text.size()) != 0) {
        co_return benchfs::errc::io_error;
    }
    co_return co_await file->close();
}

} // namespace

int main(int, char** argv) {
    benchfs::client_options options;
    options.registry_dir = argv[1];
    std::string why;
    auto mounted = benchfs::mount(options, why);
    if (!mounted) {
        std::fprintf(stderr, "mount: %s\n", why.c_str());
        return 1;
    }
    const benchfs::status done = mounted.value()->run(app(mounted.value()->fs()));
    if (!done) {
        std::fprintf(stderr, "app: %s\n", std::string(benchfs::message(done.error())).c_str());
        return 1;
    }
    std::puts("the installed client read back what it wrote");
    return 0;
}
