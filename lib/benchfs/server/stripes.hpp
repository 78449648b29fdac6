// Chunks on this server of files that live elsewhere, and the truncate epoch that each such file is in.
//
// Before the first chunk of a file is stored its home is told, so that it knows whom a truncation or a removal
// concerns. A write of an older epoch is refused: what it would store was cut off already. Nothing is committed
// while a file is being cut.
#pragma once

#include "benchfs/server/services.hpp"

#include <optional>

namespace benchfs::server {

class stripes {
public:
    explicit stripes(service_state& state) noexcept : state_(state) {}
    stripes(const stripes&) = delete;
    stripes& operator=(const stripes&) = delete;

    /// Takes up what a log and a store told of. Once, before the first request.
    void resume();
    /// Asks the homes about every file that was taken up: what was removed or cut meanwhile goes. Background.
    [[nodiscard]] static runtime::task<status> compare(stripes& self);
    /// See rpc::compare_copies.
    [[nodiscard]] status compare_with(server_id home, std::uint64_t start);

    /// Whether a write of this epoch may store chunks of the file, as far as is known here.
    [[nodiscard]] bool admitted(file_id file, std::uint64_t epoch) const noexcept {
        const auto found = entries_.find(file);
        return found != entries_.end() && found->second.known && found->second.epoch == epoch;
    }
    /// The epoch that the file's bytes here belong to; cut off already, perhaps, by a later one. 0: not known,
    /// also while they are cut.
    [[nodiscard]] std::uint64_t epoch_of(file_id file) const noexcept {
        const auto found = entries_.find(file);
        const bool told = found != entries_.end() && found->second.known && !found->second.cutting;
        return told ? found->second.epoch : 0;
    }
    /// The same as admitted(), after asking the home. stale_epoch: the file is in another one; stale_handle: it
    /// is gone; no_server: the home does not answer.
    [[nodiscard]] runtime::task<status> admit(file_id file, std::uint64_t epoch);

    /// Before and after a commit of a chunk. begin_commit() is false if the epoch has ended since.
    [[nodiscard]] bool begin_commit(chunk_id chunk, std::uint64_t epoch) noexcept;
    void end_commit(file_id file) noexcept;

    /// See rpc::cut_file. try_again while an earlier one runs.
    [[nodiscard]] runtime::task<status> cut(rpc::cut_file::request what);

    [[nodiscard]] std::size_t files() const noexcept { return entries_.size(); }

private:
    struct entry {
        std::uint64_t epoch = 0;
        std::uint32_t last_chunk = 0;
        std::uint32_t committing = 0;
        std::uint32_t asking = 0; // who holds a reference across a suspension
        std::uint32_t cuts = 0;   // so that an answer from before a cut is not believed after it
        bool known = false;       // the home was told, and `epoch` is its answer
        bool cutting = false;
        runtime::event idle; // set when the last commit ends
    };
    struct comparison {
        std::uint64_t start = 0; // of the home, for which it is
        bool running = false;
        bool done = false;
    };
    [[nodiscard]] static runtime::task<status> compare_all(stripes& self, std::vector<file_id> files);
    [[nodiscard]] static runtime::task<status> compare_home(stripes& self, server_id home);
    [[nodiscard]] std::vector<file_id> files_of(std::optional<server_id> home) const;
    [[nodiscard]] runtime::task<status> learn(file_id file);
    [[nodiscard]] runtime::task<result<rpc::register_copy::reply>> ask_home(file_id file);
    void drop_if_unused(file_id file) noexcept;

    service_state& state_;
    std::unordered_map<file_id, entry> entries_; // references stay valid until erased
    std::unordered_map<server_id, comparison> comparisons_;
};

} // namespace benchfs::server
