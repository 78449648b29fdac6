// Does to a running cluster what no client does, for the tests of fsck: plant REGISTRY missing|beyond PATH.
//
// missing: the last chunk of the file goes. beyond: bytes are stored behind the end of the file, on another
// server than its home, and the home does not hear of them. Prints the chunk.
#include "benchfs/api/benchfs.hpp"

#include <cstdio>
#include <string_view>

namespace {

using namespace benchfs;

task<status> plant(file_system& fs, std::string_view what, std::string path) {
    BFS_CO_TRY(const attributes a, co_await fs.stat(path));
    auto chunk = static_cast<std::uint32_t>((a.size - 1) / a.chunk_size);
    if (what == "missing") {
        const server_id at = fs.server_of_chunk(a.id, chunk);
        const rpc::cut_chunk::request request{a.id.value, chunk, 0};
        BFS_CO_CHECK(co_await fs.calls().call<rpc::cut_chunk>(at, request));
    } else {
        do { ++chunk; } while (fs.server_of_chunk(a.id, chunk) == a.id.home());
        const server_id at = fs.server_of_chunk(a.id, chunk);
        const std::array<std::byte, 1000> bytes{};
        const const_segments payload{const_byte_span(bytes)};
        rpc::call_extra extra;
        extra.payload = &payload;
        rpc::write_chunk::request request;
        request.id = a.id.value;
        request.epoch = a.epoch;
        request.chunk = chunk;
        request.size = static_cast<std::uint32_t>(bytes.size());
        BFS_CO_CHECK(co_await fs.calls().call<rpc::write_chunk>(at, request, extra));
    }
    std::printf("%u\n", chunk);
    co_return ok();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) { return 2; }
    client_options options;
    options.registry_dir = argv[1];
    std::string why;
    auto mounted = mount(options, why);
    if (!mounted) {
        std::fprintf(stderr, "%s\n", why.c_str());
        return 1;
    }
    const status done = (*mounted)->run(plant((*mounted)->fs(), argv[2], argv[3]));
    if (!done) { std::fprintf(stderr, "%s\n", std::string(message(done.error())).c_str()); }
    return done ? 0 : 1;
}
