#include "benchfs/client/fsck_compare.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace benchfs {
namespace {

/// "server 3".
[[nodiscard]] std::string server_text(server_id id) { return "server " + std::to_string(index(id)); }

class comparer {
public:
    comparer(const held_everything& all, const cluster::placement& placement, fsck_report& report)
        : all_(all), placement_(placement), report_(report) {}

    void compare() {
        count();
        names();
        files();
        for (auto first = all_.chunks.begin(); first != all_.chunks.end();) {
            const auto end = std::find_if(first, all_.chunks.end(),
                                          [&](const held_chunk& c) { return c.id.file != first->id.file; });
            chunks_of_file(std::span(first, end));
            first = end;
        }
        missing();
    }

private:
    using chunk_run = std::span<const held_chunk>;

    fault& add(fault_kind kind, file_id file, server_id server, std::string text) {
        fault f;
        f.kind = kind;
        f.file = file;
        f.server = server;
        f.text = std::move(text);
        f.path = all_.path_of(file);
        report_.faults.push_back(std::move(f));
        return report_.faults.back();
    }

    [[nodiscard]] bool exists(server_id server) const noexcept { return index(server) < placement_.servers(); }
    /// Whether anything about it may be wrong only because it is being changed.
    [[nodiscard]] bool in_flight(file_id id) const noexcept { return all_.is_changing(id); }

    void count() {
        for (const held_inode& i : all_.inodes) {
            ++(i.type == file_type::directory ? report_.directories : report_.files);
        }
        report_.names = all_.entries.size();
        report_.chunks = all_.chunks.size();
        for (const held_chunk& c : all_.chunks) { report_.bytes += c.length; }
    }

    // ---- Names ----

    void names() {
        for (auto first = all_.entries.begin(); first != all_.entries.end();) {
            const auto end = std::find_if(first, all_.entries.end(),
                                          [&](const held_entry& e) { return e.child != first->child; });
            for (auto one = first; one != end; ++one) { name(*one); }
            if (end - first > 1 && !in_flight(first->child)) {
                std::string where;
                for (auto one = first; one != end; ++one) { where += " " + full_name(*one); }
                about_name(fault_kind::several_names, *first, "has several names:" + where);
            }
            first = end;
        }
    }

    [[nodiscard]] std::string full_name(const held_entry& e) const {
        const std::string directory = all_.path_of(e.parent);
        if (directory.empty()) { return "'" + e.name + "' in directory " + id_text(e.parent); }
        return (directory == "/" ? "" : directory) + "/" + e.name;
    }

    void about_name(fault_kind kind, const held_entry& e, std::string text) {
        fault& f = add(kind, e.child, e.server, std::move(text));
        f.path = full_name(e);
        f.parent = e.parent;
        f.name = e.name;
        f.directory = e.type == file_type::directory;
    }

    void name(const held_entry& e) {
        if (in_flight(e.child)) { return; }
        if (all_.inode(e.child) == nullptr) {
            about_name(fault_kind::dangling_name, e,
                       "the name means " + id_text(e.child) + ", which does not exist");
        }
        const held_inode* parent = all_.inode(e.parent);
        if ((parent == nullptr || parent->type != file_type::directory) && !in_flight(e.parent)) {
            about_name(fault_kind::lost_name, e, "the name is in a directory that does not exist");
        }
        const server_id at = cluster::place_name(placement_, e.parent, e.name);
        if (at != e.server) {
            about_name(fault_kind::misplaced_name, e,
                       "the name is on " + server_text(e.server) + " and belongs on " + server_text(at));
        }
    }

    void files() {
        for (const held_inode& i : all_.inodes) {
            if (i.id == root_id || in_flight(i.id) || named(i.id)) { continue; }
            fault& f = add(fault_kind::nameless_file, i.id, i.id.home(),
                           std::string(i.type == file_type::directory ? "the directory" : "the file") +
                               " has no name");
            f.directory = i.type == file_type::directory;
        }
    }

    /// Whether any name means it.
    [[nodiscard]] bool named(file_id id) const noexcept {
        const auto at = std::lower_bound(all_.entries.begin(), all_.entries.end(), id,
                                         [](const held_entry& a, file_id b) { return a.child < b; });
        return at != all_.entries.end() && at->child == id;
    }

    // ---- Chunks ----

    void about_chunk(fault_kind kind, const held_chunk& c, const std::string& text) {
        add(kind, c.id.file, c.server,
            "chunk " + std::to_string(c.id.index) + " on " + server_text(c.server) + text)
            .chunk = c.id.index;
    }

    /// One fault for each server that has any.
    void orphans(chunk_run run) {
        struct on_server {
            std::uint64_t bytes = 0;
            std::vector<std::uint32_t> chunks;
        };
        std::map<server_id, on_server> servers;
        for (const held_chunk& c : run) {
            servers[c.server].bytes += c.length;
            servers[c.server].chunks.push_back(c.id.index);
        }
        for (auto& [server, had] : servers) {
            std::string text = "chunk " + std::to_string(had.chunks.front());
            if (had.chunks.size() > 1) { text += " and " + std::to_string(had.chunks.size() - 1) + " more"; }
            text += " on " + server_text(server) + ", " + std::to_string(had.bytes) +
                    " bytes: the file does not exist";
            fault& f = add(fault_kind::orphan_chunk, run.front().id.file, server, std::move(text));
            f.chunk = had.chunks.front();
            f.chunks = std::move(had.chunks);
        }
    }

    void chunks_of_file(chunk_run run) {
        const file_id id = run.front().id.file;
        if (in_flight(id)) { return; }
        const held_inode* file = all_.inode(id);
        const held_chunk* last = nullptr; // whose bytes reach furthest
        std::uint64_t end = 0;
        if (file == nullptr || file->type != file_type::file || !exists(id.home())) { return orphans(run); }
        for (const held_chunk& c : run) {
            const server_id at = cluster::place_chunk(placement_, id, c.id.index);
            if (at != c.server) {
                about_chunk(fault_kind::misplaced_chunk, c, " belongs on " + server_text(at));
                continue;
            }
            if (c.length > file->chunk_size) {
                about_chunk(fault_kind::long_chunk, c,
                            " has " + std::to_string(c.length) +
                                " bytes, and chunks of this file have at most " +
                                std::to_string(file->chunk_size));
            }
            const std::uint64_t reach =
                std::uint64_t{c.id.index} * file->chunk_size + std::min(c.length, file->chunk_size);
            if (reach > end) {
                end = reach;
                last = &c;
            }
        }
        if (last == nullptr || end <= file->size) { return; }
        fault& f = add(fault_kind::wrong_size, id, last->server,
                       "the file has " + std::to_string(file->size) + " bytes, and chunk " +
                           std::to_string(last->id.index) + " on " + server_text(last->server) +
                           " reaches to " + std::to_string(end));
        f.chunk = last->id.index;
        f.epoch = file->epoch;
    }

    [[nodiscard]] chunk_run run_of(file_id id) const noexcept {
        const auto first = std::lower_bound(all_.chunks.begin(), all_.chunks.end(), id,
                                            [](const held_chunk& a, file_id b) { return a.id.file < b; });
        const auto end =
            std::find_if(first, all_.chunks.end(), [&](const held_chunk& c) { return c.id.file != id; });
        return {first, end};
    }

    void missing() {
        for (const held_inode& i : all_.inodes) {
            if (i.type != file_type::file || i.size == 0 || i.chunk_size == 0) { continue; }
            const chunk_run run = run_of(i.id);
            const std::uint64_t wanted = (i.size + i.chunk_size - 1) / i.chunk_size;
            const auto stored = static_cast<std::uint64_t>(std::count_if(
                run.begin(), run.end(), [&](const held_chunk& c) { return c.id.index < wanted; }));
            if (stored < wanted) {
                report_.holes += wanted - stored;
                ++report_.files_with_holes;
            }
            if (in_flight(i.id) || !exists(i.id.home())) { continue; }
            const server_id told = last_byte(i, run, wanted);
            forgotten_copies(i, run, wanted, told);
        }
    }

    /// A file that was never truncated ends where a write ended. The server whose chunk that should be, if it
    /// is not there; else one that does not exist.
    server_id last_byte(const held_inode& file, chunk_run run, std::uint64_t wanted) {
        constexpr auto nowhere = static_cast<server_id>(0xffff);
        if (file.epoch != 0) { return nowhere; }
        const auto last = static_cast<std::uint32_t>(wanted - 1);
        const std::uint64_t length = file.size - std::uint64_t{last} * file.chunk_size;
        const server_id at = cluster::place_chunk(placement_, file.id, last);
        const auto there = std::find_if(
            run.begin(), run.end(), [&](const held_chunk& c) { return c.id.index == last && c.server == at; });
        if (there != run.end() && there->length >= length) { return nowhere; }
        const std::string has = there == run.end() ? "nothing" : std::to_string(there->length);
        fault& f = add(fault_kind::missing_chunk, file.id, at,
                       "chunk " + std::to_string(last) + " on " + server_text(at) + ": the file's last " +
                           std::to_string(length) + " bytes were written there, and of them is stored: " + has);
        f.chunk = last;
        return at;
    }

    /// Servers that said they would store chunks of the file and have nothing of it, not even the memory.
    void forgotten_copies(const held_inode& file, chunk_run run, std::uint64_t wanted, server_id told) {
        auto copy = std::lower_bound(all_.copies.begin(), all_.copies.end(), held_copy{file.id, {}});
        for (; copy != all_.copies.end() && copy->file == file.id; ++copy) {
            const bool knows = std::binary_search(all_.stripes.begin(), all_.stripes.end(), *copy) ||
                               std::any_of(run.begin(), run.end(),
                                           [&](const held_chunk& c) { return c.server == copy->server; });
            if (knows || copy->server == told || !exists(copy->server)) { continue; }
            // As many chunks in a row as there are servers lie on all of them.
            const std::uint64_t look = std::min<std::uint64_t>(wanted, placement_.servers());
            for (std::uint32_t i = 1; i < look; ++i) {
                if (cluster::place_chunk(placement_, file.id, i) != copy->server) { continue; }
                fault& f = add(fault_kind::missing_chunk, file.id, copy->server,
                               "chunk " + std::to_string(i) + " and others on " + server_text(copy->server) +
                                   ": it was given chunks of this file and knows nothing of it");
                f.chunk = i;
                break;
            }
        }
    }

    const held_everything& all_;
    const cluster::placement& placement_;
    fsck_report& report_;
};

} // namespace

void compare_inventory(const held_everything& all, const cluster::placement& placement, fsck_report& report) {
    comparer(all, placement, report).compare();
    std::sort(report.faults.begin(), report.faults.end(), [](const fault& a, const fault& b) {
        return std::tie(a.file, a.chunk, a.text) < std::tie(b.file, b.chunk, b.text);
    });
}

} // namespace benchfs
