// Appends to a file of server 0 whose second chunk is at another server: what the stories about them share.
#pragma once

#include "story.hpp"

#include <string>
#include <vector>

namespace benchfs::sim {

inline constexpr unsigned late_chunk = 16 * 1024;
inline constexpr std::size_t late_piece = 4096;
inline constexpr open_flags late_how = open_flags::read_write | open_flags::create;

inline cluster_plan late_plan(unsigned servers) {
    cluster_plan plan;
    plan.servers = servers;
    plan.clients = 2;
    plan.engine = "uring";
    plan.chunk_size = late_chunk;
    return plan;
}

/// A new file of server 0 whose chunks from the second one on are at these servers.
inline runtime::task<result<std::string>> make_late_file(file_system& fs, std::vector<std::uint16_t> where,
                                                         std::string stem = "/f") {
    for (unsigned i = 0;; ++i) {
        std::string path = stem + std::to_string(i);
        BFS_CO_TRY(file made, co_await fs.open(path, late_how));
        bool fits = made.id().home() == server_id{0};
        for (unsigned c = 0; c < where.size(); ++c) {
            fits = fits && fs.server_of_chunk(made.id(), c + 1) == server_id{where[c]};
        }
        if (fits) { co_return path; }
        BFS_CO_CHECK(co_await fs.unlink(path));
    }
}

inline runtime::task<status> write_late(file f, std::byte what, std::size_t size, std::uint64_t at) {
    const std::vector<std::byte> bytes(size, what);
    const result<std::size_t> done = co_await f.write(bytes, at);
    if (!done) { co_return done.error(); }
    CHECK(*done == size);
    co_return ok();
}
/// How it ended is for the story to judge.
inline runtime::task<status> append_late(file f, std::byte what, status& outcome,
                                         std::size_t size = late_piece) {
    outcome = co_await write_late(f, what, size, 0);
    co_return ok();
}

struct late_append {
    std::string path;
    file appended; // of client 0
    file written;  // the same one, of client 1
    status outcome = errc::busy;
};
/// To a place at server 1, or at another one, in a file of server 0. Both are connected, and that one has
/// joined the file.
inline constexpr std::uint64_t late_place = late_chunk + late_piece;
inline runtime::task<result<late_append>> prepare_append(sim_cluster& servers, std::uint16_t where = 1) {
    runtime::task<result<std::string>> making = make_late_file(servers.fs(0), {where});
    BFS_CO_TRY(const std::string path, co_await std::move(making));
    BFS_CO_TRY(file appended, co_await servers.fs(0).open(path, late_how | open_flags::append));
    BFS_CO_TRY(file written, co_await servers.fs(1).open(path, late_how));
    BFS_CO_CHECK(co_await write_late(written, std::byte{'0'}, late_chunk, 0));
    BFS_CO_CHECK(co_await write_late(appended, std::byte{'w'}, late_piece, 0));
    late_append prepared{path, std::move(appended), std::move(written), errc::busy};
    co_return prepared;
}

/// One letter for each piece behind the first chunk.
inline runtime::task<result<std::string>> late_pieces(file f) {
    std::vector<std::byte> back(late_chunk + 16 * late_piece);
    BFS_CO_TRY(const std::size_t got, co_await f.read(back, 0));
    std::string pieces;
    for (std::size_t at = late_chunk; at + late_piece <= got; at += late_piece) {
        pieces += back[at] == std::byte{0} ? '-' : static_cast<char>(back[at]);
    }
    co_return pieces;
}

} // namespace benchfs::sim
