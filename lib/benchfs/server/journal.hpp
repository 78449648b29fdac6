// What a server remembers across a restart: every change of its namespace and every reply that may be asked for
// again go through here into the log of its chunk store.
//
// One operation's changes and its reply are staged while it runs and written as one frame when it is answered.
// Over an engine without a log everything here does nothing.
#pragma once

#include "benchfs/metadata/name_space.hpp"
#include "benchfs/rpc/reply_log.hpp"
#include "benchfs/rpc/server.hpp"
#include "benchfs/server/journal_records.hpp"
#include "benchfs/server/notes.hpp"
#include "benchfs/storage/wal.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace benchfs::server {

class journal final : public metadata::change_sink,
                      public storage::wal_reader,
                      public storage::checkpoint_source,
                      public rpc::reply_log,
                      public note_sink {
public:
    journal() = default;
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    /// Where the records of the log go while the store is opened, in a cluster of so many servers.
    void recover_into(metadata::name_space& names, note_table& notes, std::uint32_t servers) noexcept {
        names_ = &names;
        notes_ = &notes;
        servers_ = servers;
    }
    /// From now on changes go into this log.
    void begin(storage::wal& log);
    /// Brings the sessions of the log back, and writes the server's from now on.
    void attach(rpc::server& requests);
    /// Everything changed so far survives the process after ok: before another server is told of it.
    /// Without room it is not refused, only late: "no" would be wrong.
    [[nodiscard]] status write() override {
        const status written = log_ == nullptr ? ok() : log_->flush();
        return written.error() == errc::no_space ? errc::outcome_unknown : written;
    }

    // ---- metadata::change_sink ----
    void inode_set(const metadata::attributes& now) override;
    void inode_removed(file_id id) override;
    void dentry_set(file_id parent, std::string_view name, file_id child, metadata::file_type type) override;
    void dentry_removed(file_id parent, std::string_view name) override;
    void directory_set(file_id id, file_id parent) override;
    void directory_removed(file_id id) override;
    void ids_reserved(std::uint64_t below) override;

    // ---- note_sink ----
    void note_set(note_kind kind, std::uint64_t key, const_byte_span body) override;
    void note_removed(note_kind kind, std::uint64_t key) override;

    // ---- storage::wal_reader ----
    [[nodiscard]] status record(std::uint16_t kind, const_byte_span body, std::uint64_t sequence) override;

    // ---- rpc::reply_log ----
    [[nodiscard]] status admit(const rpc::method_info& method) noexcept override;
    /// Whether a change that takes room may begin.
    [[nodiscard]] status room() noexcept { return log_ == nullptr ? ok() : log_->admit(false); }
    [[nodiscard]] bool pending() const noexcept override { return log_->staged(); }
    void session_begun(const rpc::session& s) override;
    void session_ended(std::uint64_t id) override;
    void replied(std::uint64_t session, std::uint64_t sequence, const rpc::method_info& method,
                 const_byte_span reply) override;

private:
    void begin_checkpoint() override;
    [[nodiscard]] bool checkpoint_step() override;
    [[nodiscard]] std::vector<std::uint64_t> session_ids() const;
    [[nodiscard]] bool write_sessions();
    void write_recovered(std::uint64_t id);
    void write_reply(std::uint64_t session, std::uint64_t sequence, std::uint32_t method,
                     const_byte_span reply);
    [[nodiscard]] bool write_inodes();
    [[nodiscard]] bool write_directories();
    [[nodiscard]] bool write_notes();
    using effect = storage::wal::effect;
    template <class T>
    void put(std::uint16_t kind, const T& body, std::string_view tail = {}, effect does = effect::grows);
    void put_session(const journal_session& body);

    [[nodiscard]] status read_dentry(bool removed, const_byte_span body);
    [[nodiscard]] status read_note(bool removed, const_byte_span body);
    [[nodiscard]] status read_session(const_byte_span body);
    [[nodiscard]] status read_reply(const_byte_span body);

    storage::wal* log_ = nullptr;
    metadata::name_space* names_ = nullptr;
    note_table* notes_ = nullptr;
    std::uint32_t servers_ = 1;
    rpc::server* requests_ = nullptr;

    // Until attach(): the sessions that the log told of; a checkpoint meanwhile writes them from here.
    struct kept_reply {
        std::uint64_t sequence = 0;
        std::uint32_t method = 0;
        std::vector<std::byte> bytes;
    };
    struct kept_session {
        std::uint64_t incarnation = 0;
        std::uint32_t generation = 0;
        std::uint32_t keep_ms = 0;
        std::map<std::uint64_t, kept_reply> replies; // by place
    };
    std::unordered_map<std::uint64_t, kept_session> recovered_;

    // The checkpoint's place.
    enum class phase : std::uint8_t { sessions, inodes, directories, notes, done };
    phase phase_ = phase::done;
    std::vector<std::uint64_t> sessions_left_;
    file_id last_inode_;
    file_id in_directory_; // whose entries are being written; invalid: none
    file_id last_directory_;
    std::string last_name_;
    note_table::place last_note_{};
};

} // namespace benchfs::server
