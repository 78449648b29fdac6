#include "benchfs/server/lost_chunks.hpp"

#include "benchfs/base/log.hpp"
#include "benchfs/server/agreements.hpp"
#include "benchfs/server/duties.hpp"
#include "benchfs/server/server_bits.hpp"

namespace benchfs::server {
using runtime::task;

void lost_chunks::resume() {
    state_.notes.for_each(note_kind::lacking, [&](std::uint64_t home, const_byte_span) {
        lacking_.push_back(static_cast<server_id>(home));
    });
}

task<status> lost_chunks::tell(server_id home) {
    if (!contains(untold_, home)) { co_return ok(); }
    const rpc::begins_empty::request request{index(state_.self), start_};
    task<result<rpc::begins_empty::reply>> asking = state_.agreed->ask<rpc::begins_empty>(home, request);
    BFS_CO_TRY(const rpc::begins_empty::reply answer, co_await std::move(asking));
    std::erase(untold_, home);
    if (answer.files == 0 || contains(lacking_, home)) { co_return ok(); }
    BFS_LOG_WARN("server",
                 "this server began with an empty store, and %llu files of server %zu had chunks here: "
                 "what is missing of them reads as an error until they are cut to nothing",
                 static_cast<unsigned long long>(answer.files), index(home));
    lacking_.push_back(home);
    state_.notes.set(note_kind::lacking, index(home), start_);
    co_return ok();
}

task<status> lost_chunks::look(short_read what) {
    const file_id file = what.chunk.file;
    task<status> telling = tell(file.home());
    const status told = co_await std::move(telling);
    if (!told) { co_return undecided(told.error()) ? errc::try_again : told.error(); }
    if (!may_lack(file.home())) { co_return ok(); }
    const rpc::lost_at::request request{file.value, index(state_.self)};
    task<result<rpc::lost_at::reply>> asking = state_.agreed->ask<rpc::lost_at>(file.home(), request);
    const result<rpc::lost_at::reply> answer = co_await std::move(asking);
    if (!answer) { co_return undecided(answer.error()) ? errc::try_again : answer.error(); }
    if (answer->lost == 0) { co_return ok(); }
    const std::uint64_t begin = std::uint64_t{what.chunk.index} * answer->chunk_size + what.offset;
    const std::uint64_t end = std::min(begin + what.size, answer->size);
    if (begin + what.valid >= end) { co_return ok(); }
    BFS_LOG_ERROR("server", "chunk %u of file %llx was lost with an earlier store of this server",
                  what.chunk.index, static_cast<unsigned long long>(file.value));
    co_return errc::io_error;
}

std::uint64_t lost_chunks::mark(std::uint32_t server, std::uint64_t start) {
    const std::vector<std::byte>* known = state_.notes.find(note_kind::began, server);
    std::uint64_t before = 0;
    const bool again = known != nullptr && load(*known, before) && before == start;
    std::vector<std::uint64_t> files;
    const note_kind where = again ? note_kind::lost : note_kind::copies;
    state_.notes.for_each(where, [&](std::uint64_t file, const_byte_span servers) {
        if (has_server(servers, server)) { files.push_back(file); }
    });
    if (again) { return files.size(); }
    for (const std::uint64_t file : files) {
        const std::vector<std::byte>* const others = state_.notes.find(note_kind::lost, file);
        state_.notes.set(note_kind::lost, file, with_server(others, server, state_.placement.servers()));
    }
    state_.notes.set(note_kind::began, server, start);
    return files.size();
}

bool lost_chunks::lost(file_id file, std::uint32_t server) const noexcept {
    const std::vector<std::byte>* servers = state_.notes.find(note_kind::lost, file.value);
    return servers != nullptr && has_server(*servers, server);
}

} // namespace benchfs::server
