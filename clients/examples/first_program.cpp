// The first program: a file system inside this process, one file, no daemon.
//
//     ./first_program [directory]        (without one, everything stays in memory)
#include <benchfs/api/benchfs.hpp>

#include <cstdio>
#include <cstring>
#include <string_view>

using namespace benchfs;

task<status> hello(file_system& fs) {
    const open_flags flags = open_flags::read_write | open_flags::create;
    BFS_CO_TRY(file greeting, co_await fs.open("/greeting", flags));

    const std::string_view text = "Hello, parallel world!";
    const const_byte_span bytes = std::as_bytes(std::span(text));
    BFS_CO_TRY(const std::size_t written, co_await greeting.write(bytes, 0));

    char back[64] = {};
    const byte_span into = std::as_writable_bytes(std::span(back));
    BFS_CO_TRY(const std::size_t got, co_await greeting.read(into, 0));
    BFS_CO_CHECK(co_await greeting.close());

    BFS_CO_TRY(const attributes about, co_await fs.stat("/greeting"));
    std::printf("wrote %zu bytes, read \"%.*s\", the file has %llu bytes\n", written, static_cast<int>(got),
                back, static_cast<unsigned long long>(about.size));
    const bool same = std::string_view(back, got) == text && about.size == text.size();
    if (!same) { co_return errc::io_error; }
    co_return ok();
}

int main(int argc, char** argv) {
    std::string why;
    auto mounted = embedded(argc > 1 ? argv[1] : "", why);
    if (!mounted) {
        std::fprintf(stderr, "no file system: %s\n", why.c_str());
        return 1;
    }
    const status outcome = (*mounted)->run(hello((*mounted)->fs()));
    if (!outcome) {
        std::fprintf(stderr, "failed: %s\n", std::string(message(outcome.error())).c_str());
        return 1;
    }
    return 0;
}
