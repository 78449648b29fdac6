#include "benchfs/client/fsck.hpp"

#include "benchfs/client/file_system.hpp"
#include "benchfs/client/fsck_compare.hpp"
#include "benchfs/client/read_target.hpp"
#include "benchfs/runtime/parallel_for.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <algorithm>

namespace benchfs {
namespace {

using runtime::task;

constexpr std::uint32_t piece = 1U << 20; // that is read at a time
constexpr std::size_t chunks_at_once = 8; // that are read
constexpr const char* lost_and_found = "/lost+found";

[[nodiscard]] bool same(const fault& a, const fault& b) noexcept {
    return a.kind == b.kind && a.file == b.file && a.server == b.server && a.text == b.text;
}

[[nodiscard]] bool shows(const std::vector<fault>& faults, const fault& one) noexcept {
    return std::any_of(faults.begin(), faults.end(), [&](const fault& f) { return same(f, one); });
}

/// Reads a chunk as far as it goes. io_error: not all of it can be read, from `at` on.
task<status> read_whole(rpc::client& client, held_chunk chunk, std::uint64_t& bytes, std::uint32_t& at) {
    std::vector<std::byte> memory(std::min(piece, chunk.length));
    for (at = 0; at < chunk.length; at += piece) {
        rpc::read_chunk::request request;
        request.id = chunk.id.file.value;
        request.chunk = chunk.id.index;
        request.offset = at;
        request.size = std::min(piece, chunk.length - at);
        read_target target(memory.data(), at, request.size);
        rpc::call_extra extra;
        extra.target = &target;
        extra.reply_payload_max = request.size + 4 * (request.size / crc_block);
        const auto said = co_await client.call<rpc::read_chunk>(chunk.server, request, extra);
        if (!said && said.error() == errc::stale_handle) { co_return ok(); } // removed meanwhile, or orphaned
        if (!said) { co_return said.error(); }
        if (!target.verified(*said)) { co_return errc::io_error; }
        bytes += said->valid;
    }
    co_return ok();
}

class checker {
public:
    checker(file_system& fs, fsck_options options, fsck_report& report, server_id& failed)
        : fs_(fs), options_(options), report_(report), failed_(failed) {}

    task<status> run() {
        BFS_CO_CHECK(co_await look(report_));
        for (int i = 1; i < options_.looks && !report_.faults.empty(); ++i) {
            BFS_CO_CHECK(co_await runtime::sleep_for(options_.pause));
            fsck_report again;
            BFS_CO_CHECK(co_await look(again));
            std::erase_if(report_.faults, [&](const fault& f) { return !shows(again.faults, f); });
        }
        if (options_.deep) { BFS_CO_CHECK(co_await read_all()); }
        if (options_.repair && !report_.faults.empty()) { BFS_CO_CHECK(co_await repair_all()); }
        co_return ok();
    }

private:
    task<status> look(fsck_report& into) {
        task<status> taking = take_inventory(fs_, all_, failed_);
        BFS_CO_CHECK(co_await std::move(taking));
        compare_inventory(all_, fs_.placing(), into);
        co_return ok();
    }

    // ---- Reading ----

    static task<status> read_one(checker& self, std::size_t i) {
        const held_chunk& chunk = self.all_.chunks[i];
        std::uint32_t at = 0;
        status outcome = errc::io_error;
        for (int tries = 0; tries < 2 && outcome.error() == errc::io_error; ++tries) {
            task<status> reading = read_whole(self.fs_.calls(), chunk, self.report_.bytes_read, at);
            outcome = co_await std::move(reading);
        }
        if (outcome.error() != errc::io_error) {
            if (!outcome) { self.failed_ = chunk.server; }
            co_return outcome;
        }
        fault f;
        f.kind = fault_kind::unreadable_chunk;
        f.file = chunk.id.file;
        f.path = self.all_.path_of(f.file);
        f.server = chunk.server;
        f.chunk = chunk.id.index;
        f.text = "chunk " + std::to_string(f.chunk) + " on server " + std::to_string(index(f.server)) +
                 " cannot be read, from byte " + std::to_string(at) + " of it on: its server's log says where";
        self.report_.faults.push_back(std::move(f));
        co_return ok();
    }

    task<status> read_all() {
        const auto body = [this](std::size_t i) { return read_one(*this, i); };
        task<status> reading = runtime::parallel_for(all_.chunks.size(), chunks_at_once, body);
        co_return co_await std::move(reading);
    }

    // ---- Repairing ----

    [[nodiscard]] static bool repairable(const fault& f) noexcept {
        switch (f.kind) {
        case fault_kind::orphan_chunk:
        case fault_kind::long_chunk:
        case fault_kind::wrong_size:
            return true;
        case fault_kind::nameless_file:
        case fault_kind::dangling_name:
        case fault_kind::lost_name:
            return !f.directory;
        default:
            return false;
        }
    }

    task<status> repair_all() {
        for (fault& f : report_.faults) {
            if (!repairable(f)) {
                f.outcome = "left: not repaired by fsck";
                continue;
            }
            BFS_CO_CHECK(co_await repair_one(f));
        }
        // What counts is not what was answered but what shows.
        fsck_report after;
        BFS_CO_CHECK(co_await look(after));
        for (fault& f : report_.faults) {
            if (!repairable(f)) { continue; }
            f.repaired = !shows(after.faults, f);
            if (!f.repaired) { f.outcome = "left: " + f.outcome; }
        }
        co_return ok();
    }

    /// A repair that was refused is no error: the report says so.
    task<status> repair_one(fault& f) {
        rpc::repair::request request;
        request.id = f.file.value;
        request.chunk = f.chunk;
        request.epoch = f.epoch;
        request.parent = f.parent.value;
        server_id at = f.server;
        std::string name = f.name;
        switch (f.kind) {
        case fault_kind::orphan_chunk:
        case fault_kind::long_chunk:
            request.action = rpc::repair::drop_chunk;
            break;
        case fault_kind::wrong_size:
            request.action = rpc::repair::grow_file;
            at = f.file.home();
            break;
        case fault_kind::dangling_name:
            request.action = rpc::repair::drop_name;
            break;
        case fault_kind::lost_name: {
            request.action = rpc::repair::drop_name;
            bool dropped = false;
            task<status> dropping = ask(f, at, request, name, dropped);
            BFS_CO_CHECK(co_await std::move(dropping));
            if (!dropped || all_.inode(f.file) == nullptr) { co_return ok(); }
            [[fallthrough]];
        }
        default: {
            const result<file_id> directory = co_await find_lost_and_found();
            if (!directory) {
                f.outcome =
                    std::string("no ") + lost_and_found + ": " + std::string(message(directory.error()));
                co_return ok();
            }
            request.action = rpc::repair::name_file;
            request.parent = directory->value;
            name = "file-" + std::to_string(index(f.file.home())) + "-" + std::to_string(f.file.counter());
            at = fs_.server_of_name(*directory, name);
        }
        }
        bool done = false;
        co_return co_await ask(f, at, request, name, done);
    }

    /// `done`: the server has changed something.
    task<status> ask(fault& f, server_id at, rpc::repair::request request, std::string name, bool& done) {
        std::vector<std::uint32_t> chunks = f.chunks;
        if (chunks.empty()) { chunks.push_back(f.chunk); }
        for (const std::uint32_t chunk : chunks) {
            request.chunk = chunk;
            rpc::call_extra extra;
            extra.tail = std::as_bytes(std::span(name.data(), name.size()));
            const auto said = co_await fs_.calls().call<rpc::repair>(at, request, extra);
            if (!said && said.error() == errc::cancelled) { co_return errc::cancelled; }
            if (!said) {
                f.outcome = "server " + std::to_string(index(at)) + ": " + std::string(message(said.error()));
                co_return ok();
            }
            if (said->done == 0) { continue; }
            done = true;
            f.outcome = done_text(request.action, name, said->bytes);
        }
        if (f.outcome.empty()) { f.outcome = "server " + std::to_string(index(at)) + " finds nothing wrong"; }
        co_return ok();
    }

    [[nodiscard]] static std::string done_text(std::uint32_t action, const std::string& name,
                                               std::uint64_t bytes) {
        switch (action) {
        case rpc::repair::drop_chunk:
            return bytes == 0 ? "removed" : "cut the chunk to " + std::to_string(bytes) + " bytes";
        case rpc::repair::grow_file:
            return "the file has " + std::to_string(bytes) + " bytes now";
        case rpc::repair::drop_name:
            return "removed the name";
        default:
            return "it is " + std::string(lost_and_found) + "/" + name + " now";
        }
    }

    task<result<file_id>> find_lost_and_found() {
        const status made = co_await fs_.mkdir(lost_and_found, 0700);
        if (!made && made.error() != errc::already_exists) { co_return made.error(); }
        BFS_CO_TRY(const attributes there, co_await fs_.lstat(lost_and_found));
        if (!there.is_directory()) { co_return errc::not_a_directory; }
        co_return there.id;
    }

    file_system& fs_;
    fsck_options options_;
    fsck_report& report_;
    server_id& failed_;
    held_everything all_;
};

} // namespace

std::string_view name_of(fault_kind kind) noexcept {
    constexpr std::string_view names[] = {"orphan_chunk",     "long_chunk",      "wrong_size",
                                          "nameless_file",    "dangling_name",   "missing_chunk",
                                          "unreadable_chunk", "misplaced_chunk", "misplaced_name",
                                          "lost_name",        "several_names"};
    return names[static_cast<std::size_t>(kind)];
}

std::size_t fsck_report::left() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(faults.begin(), faults.end(), [](const fault& f) { return !f.repaired; }));
}

task<status> fsck(file_system& fs, fsck_options options, fsck_report& report, server_id& failed) {
    checker one(fs, options, report, failed);
    co_return co_await one.run();
}

} // namespace benchfs
