#include "benchfs/server/check.hpp"

#include "benchfs/server/journal.hpp"
#include "benchfs/server/recovery.hpp"
#include "benchfs/storage/disk_uring.hpp"
#include "benchfs/storage/extent_store.hpp"
#include "benchfs/uring/ring.hpp"

#include <sys/stat.h>

namespace benchfs::server {
namespace {

using runtime::task;

/// What the chunks of a store should be, compared with the namespace.
class chunk_comparer final : public storage::chunk_visitor {
public:
    chunk_comparer(const metadata::name_space& names, server_id self) : names_(names), self_(self) {}
    void chunk(chunk_id id, std::uint32_t length) override {
        if (id.file.home() != self_) { return; }
        const result<metadata::attributes> file = names_.stat(id.file);
        if (length > (file ? chunk_limit(*file, id.index) : 0)) { ++leftovers; }
    }
    std::uint64_t leftovers = 0;

private:
    const metadata::name_space& names_;
    server_id self_;
};

/// Entries whose inode should be here and is not.
void check_entries(metadata::name_space& names, server_id self, check_report& report) {
    metadata::tables& all = names.state();
    file_id last;
    for (;;) {
        const metadata::directory* in = all.entries.directory_after(last);
        if (in == nullptr) { return; }
        last = in->id;
        all.entries.list(*in, {}, [&](std::string_view name, const metadata::dentry& entry) {
            if (entry.child.home() == self && all.inodes.find(entry.child) == nullptr) {
                report.problems.push_back("the entry '" + std::string(name) + "' of directory " +
                                          std::to_string(in->id.value) + " names file " +
                                          std::to_string(entry.child.value) + ", which does not exist");
            }
            return true;
        });
    }
}

/// The log alone; false if nothing behind it can be looked at.
task<result<bool>> check_log(storage::disk& where, check_report& report, storage::wal_segment_header& owner) {
    BFS_CO_TRY(std::vector<storage::wal_slot> slots, co_await storage::open_log_files(where));
    if (slots.empty()) {
        report.problems.push_back(std::string(where.where()) +
                                  ": there is no log (log-*.wal): this is no store");
        co_return false;
    }
    std::string problem;
    const auto survey = co_await storage::survey_log(where, slots, problem);
    if (!survey) {
        if (problem.empty()) { co_return survey.error(); }
        report.problems.push_back(problem);
        co_return false;
    }
    report.changes = survey->next_sequence - 1;
    if (!survey->torn.empty()) {
        report.notes.push_back(survey->torn +
                               ": an unfinished change ends the log; it was never acknowledged, and "
                               "the next start drops it");
    }
    if (survey->lost_power) {
        report.notes.push_back(
            "the machine was restarted since the last changes: the next start drops those whose "
            "bytes were lost");
    }
    if (!survey->parts.empty()) { owner = slots[survey->parts.back().slot].header; }
    co_return true;
}

task<status> check_all(runtime::loop& loop, std::unique_ptr<storage::disk> where, check_report& report) {
    storage::wal_segment_header owner;
    BFS_CO_TRY(const bool readable, co_await check_log(*where, report, owner));
    if (!readable) { co_return ok(); }
    const auto self = static_cast<server_id>(owner.server);
    journal reader;
    metadata::name_space_options options;
    options.self = self;
    metadata::name_space names(options, reader);
    note_table notes;
    reader.recover_into(names, notes, owner.servers);
    storage::wal_options log_options;
    log_options.server = owner.server;
    log_options.servers = owner.servers;
    BFS_CO_TRY(std::unique_ptr<storage::wal> log, co_await storage::wal::open(loop, *where, log_options));
    auto store = co_await storage::extent_store::open_read_only(std::move(where), std::move(log), {}, &reader);
    if (!store) {
        report.problems.emplace_back(
            "the log and the segment files do not fit together; the lines above say where");
        co_return ok();
    }
    auto verified = co_await (*store)->verify_all();
    if (verified) {
        report.chunks = verified->chunks;
        report.blocks = verified->blocks;
        for (std::string& one : verified->problems) { report.problems.push_back(std::move(one)); }
        check_entries(names, self, report);
        chunk_comparer comparer(names, self);
        (*store)->visit_chunks(comparer);
        if (comparer.leftovers != 0) {
            report.notes.push_back(
                std::to_string(comparer.leftovers) +
                " chunks are left of a removal or a write that was interrupted; the next start "
                "removes them");
        }
        const metadata::name_space_counts counts = names.counts();
        report.files = counts.files;
        report.directories = counts.directories;
    }
    const status closed = co_await (*store)->close();
    co_return verified ? closed : status(verified.error());
}

} // namespace

std::string check_report::text() const {
    std::string out;
    for (const std::string& one : problems) { out += "damaged: " + one + "\n"; }
    for (const std::string& one : notes) { out += "note: " + one + "\n"; }
    out += std::to_string(changes) + " changes in the log, " + std::to_string(files) + " files, " +
           std::to_string(directories) + " directories, " + std::to_string(chunks) + " chunks, " +
           std::to_string(blocks) + " blocks verified\n";
    out += problems.empty() ? "the store is good\n"
                            : "the store is damaged: " + std::to_string(problems.size()) + " problems\n";
    return out;
}

result<check_report> check_store(const std::string& data_dir, std::string& why) {
    struct ::stat about{};
    if (::stat(data_dir.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) {
        why = data_dir + ": there is no such directory; name a server's data directory";
        return errc::not_found;
    }
    runtime::loop loop;
    result<std::unique_ptr<uring::ring>> ring = uring::ring::create(loop, {});
    if (!ring) {
        why = "io_uring cannot be used here (the log says why)";
        return ring.error();
    }
    auto where = storage::disk_uring::open_directory(**ring, data_dir, {});
    check_report report;
    status done = where ? ok() : status(where.error());
    if (done) { done = loop.run(check_all(loop, std::move(*where), report)); }
    if (!done) {
        why = data_dir + ": cannot be checked: " + std::string(message(done.error())) +
              (done.error() == errc::busy ? "; stop the server that uses it" : " (the log says more)");
        return done.error();
    }
    return report;
}

} // namespace benchfs::server
