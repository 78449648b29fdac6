// Chunks that a server had and has no more, because it began again with an empty store: a memory server that
// was restarted, or one whose data directory was emptied.
//
// A chunk that is not there reads as zeros, so it must be known which ones are holes. The home of a file knows
// who has had chunks of it. A server that begins empty says so to every other one, which marks those of its
// files; from then on the server asks the home about whatever it does not have of them, and reads of what was
// lost fail. A file is well again when it is cut to nothing.
#pragma once

#include "benchfs/server/services.hpp"

#include <algorithm>
#include <vector>

namespace benchfs::server {

/// What was asked for of a chunk, and how much of it is here; in bytes.
struct short_read {
    chunk_id chunk;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t valid = 0;
};

class lost_chunks {
public:
    explicit lost_chunks(service_state& state) noexcept : state_(state) {}
    lost_chunks(const lost_chunks&) = delete;
    lost_chunks& operator=(const lost_chunks&) = delete;

    // ---- The server that began empty ----

    /// Takes up what a log told of. Once, before the first request.
    void resume();
    /// This start, or one before, found an empty store: there is a duty to tell this server. It may wait for a
    /// while: whoever needs the answer tells it at once.
    void must_tell(server_id home, std::uint64_t start) {
        untold_.push_back(home);
        start_ = start; // an earlier one's duty says the same: nothing was here
    }
    /// Before chunks of its files are stored here: what it is told of later, it would count among the lost.
    [[nodiscard]] runtime::task<status> tell(server_id home);
    [[nodiscard]] bool untold(server_id home) const noexcept { return contains(untold_, home); }

    /// Whether something of this server's files may have been lost here.
    [[nodiscard]] bool may_lack(server_id home) const noexcept {
        return contains(untold_, home) || contains(lacking_, home);
    }
    /// ok: what is not here is a hole. io_error: it was lost. try_again: the home does not answer.
    [[nodiscard]] runtime::task<status> look(short_read what);

    // ---- The home ----

    /// See rpc::begins_empty.
    std::uint64_t mark(std::uint32_t server, std::uint64_t start);
    [[nodiscard]] bool lost(file_id file, std::uint32_t server) const noexcept;

private:
    [[nodiscard]] static bool contains(const std::vector<server_id>& list, server_id s) noexcept {
        return !list.empty() && std::ranges::find(list, s) != list.end();
    }

    service_state& state_;
    std::vector<server_id> untold_;
    std::uint64_t start_ = 0;
    std::vector<server_id> lacking_; // whose files had chunks here
};

} // namespace benchfs::server
