// stat, where, df, ping: one name, and the servers behind all of them.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/base/path.hpp"

#include <algorithm>
#include <cstdio>

namespace benchfs::cli {
namespace {

task<int> show_stat(session& s, file_system& fs, const std::vector<std::string>& paths, bool json) {
    json_array all;
    int code = exit_ok;
    for (const std::string& shown : paths) {
        const auto a = co_await fs.lstat(s.resolve(shown));
        if (!a) {
            code = std::max(code, s.failed("stat", shown, a.error()));
            continue;
        }
        if (json) {
            json_object o;
            o.add("path", shown).add("type", type_text(*a)).add("id", id_text(a->id)).add("size", a->size);
            o.add("mode", a->mode & 07777).add("uid", a->uid).add("gid", a->gid).add("nlink", a->nlink);
            o.add("chunk_size", a->chunk_size).add("atime_ns", a->atime_ns).add("mtime_ns", a->mtime_ns);
            all.add_raw(o.add("ctime_ns", a->ctime_ns).text());
            continue;
        }
        std::printf(
            "  path: %s\n  type: %s\n    id: %s (server:number)\n  size: %llu\n  mode: %04o %s\n owner: %u:%u\n"
            " links: %u\n chunk: %u\naccess: %s\nmodify: %s\nchange: %s\n",
            printable(shown).c_str(), std::string(type_text(*a)).c_str(), id_text(a->id).c_str(),
            static_cast<unsigned long long>(a->size), a->mode & 07777, mode_text(*a).c_str(), a->uid, a->gid,
            a->nlink, a->chunk_size, time_text(a->atime_ns).c_str(), time_text(a->mtime_ns).c_str(),
            time_text(a->ctime_ns).c_str());
    }
    if (json) { std::puts(all.text().c_str()); }
    co_return code;
}

int stat(session& s, const command& self, const std::vector<std::string>& words) {
    std::vector<std::string> paths;
    bool json = s.json();
    arguments a(self);
    a.flag("--json", json, "as one JSON array").words("path", paths, "files and directories");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return show_stat(s, fs, paths, json); });
}

/// A run of chunks on one server is shown as one.
struct chunk_run {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::size_t server = 0;
};

[[nodiscard]] std::vector<chunk_run> chunk_runs(const file_system& fs, const attributes& a) {
    std::vector<chunk_run> runs;
    const std::uint64_t chunks = a.chunk_size == 0 ? 0 : (a.size + a.chunk_size - 1) / a.chunk_size;
    for (std::uint64_t i = 0; i < chunks; ++i) {
        const std::size_t server = index(fs.server_of_chunk(a.id, static_cast<std::uint32_t>(i)));
        if (!runs.empty() && runs.back().server == server) {
            runs.back().last = i;
        } else {
            runs.push_back({i, i, server});
        }
    }
    return runs;
}

task<int> show_where(session& s, file_system& fs, std::string shown, bool json) {
    const std::string absolute = s.resolve(shown);
    const auto a = co_await fs.stat(absolute);
    if (!a) { co_return s.failed("where", shown, a.error()); }
    const auto parsed = path::parse(absolute);
    const std::string parent(parsed->parent().str());
    const auto directory = co_await fs.stat(parent);
    if (!directory) { co_return s.failed("where", parent, directory.error()); }
    const std::size_t entry = index(fs.server_of_name(directory->id, parsed->name()));
    const std::vector<chunk_run> runs = chunk_runs(fs, *a);
    if (json) {
        json_object o;
        o.add("path", shown)
            .add("entry", entry)
            .add("inode", index(a->id.home()))
            .add("chunk_size", a->chunk_size);
        json_array chunks;
        for (const chunk_run& r : runs) {
            json_object one;
            chunks.add_raw(one.add("first", r.first).add("last", r.last).add("server", r.server).text());
        }
        std::puts(o.add_raw("chunks", chunks.text()).text().c_str());
        co_return exit_ok;
    }
    std::printf("entry:  server %zu\ninode:  server %zu\n", entry, index(a->id.home()));
    for (const chunk_run& r : runs) {
        const std::string range = r.first == r.last ? std::to_string(r.first)
                                                    : std::to_string(r.first) + "-" + std::to_string(r.last);
        std::printf("chunk %s:  server %zu\n", range.c_str(), r.server);
    }
    co_return exit_ok;
}

int where(session& s, const command& self, const std::vector<std::string>& words) {
    std::string shown;
    bool json = s.json();
    arguments a(self);
    a.flag("--json", json, "as a JSON object").word("path", shown, "a file or directory");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return show_where(s, fs, shown, json); });
}

task<int> show_df(session& s, file_system& fs, bool human, bool json) {
    const auto u = co_await fs.usage();
    if (!u) { co_return s.failed("df", "/", u.error()); }
    const std::uint64_t free = u->bytes_total - std::min(u->bytes_total, u->bytes_used);
    const double part = u->bytes_total == 0
                            ? 0
                            : 100.0 * static_cast<double>(u->bytes_used) / static_cast<double>(u->bytes_total);
    if (json) {
        json_object o;
        o.add("bytes_total", u->bytes_total).add("bytes_used", u->bytes_used).add("bytes_free", free);
        o.add("files", u->files).add("directories", u->directories).add("servers", fs.servers());
        std::puts(o.text().c_str());
        co_return exit_ok;
    }
    std::printf("%12s %12s %12s %5s %10s %12s\n%12s %12s %12s %4.0f%% %10llu %12llu\n", "size", "used", "free",
                "use", "files", "directories", size_text(u->bytes_total, human).c_str(),
                size_text(u->bytes_used, human).c_str(), size_text(free, human).c_str(), part,
                static_cast<unsigned long long>(u->files), static_cast<unsigned long long>(u->directories));
    co_return exit_ok;
}

int df(session& s, const command& self, const std::vector<std::string>& words) {
    bool human = false;
    bool json = s.json();
    arguments a(self);
    a.flag("-h,--human", human, "sizes such as 1.5M").flag("--json", json, "as a JSON object");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return show_df(s, fs, human, json); });
}

task<int> ping_servers(session& s, file_system& fs, std::uint64_t count, bool json) {
    json_array all;
    int code = exit_ok;
    const steady_clock clock;
    for (std::uint32_t i = 0; i < fs.servers(); ++i) {
        const auto id = static_cast<server_id>(i);
        double least = 0;
        double total = 0;
        status answered = co_await fs.ping(id); // makes the connection
        for (std::uint64_t n = 0; n < count && answered; ++n) {
            const time_point before = clock.now();
            answered = co_await fs.ping(id);
            const auto took = static_cast<double>((clock.now() - before).count());
            least = n == 0 ? took : std::min(least, took);
            total += took;
        }
        if (!answered) {
            code = std::max(code, s.failed("ping", "server " + std::to_string(i), answered.error()));
            if (code == exit_interrupted) { break; }
            continue;
        }
        const double mean = total / static_cast<double>(count);
        const std::string_view by = fs.path_to(id);
        if (json) {
            json_object o;
            o.add("server", i).add("min_ns", least).add("mean_ns", mean).add("path", by);
            all.add_raw(o.text());
        } else {
            std::printf("server %u: %s at least, %s on average, by %.*s\n", i, latency_text(least).c_str(),
                        latency_text(mean).c_str(), static_cast<int>(by.size()), by.data());
        }
    }
    if (json) { std::puts(all.text().c_str()); }
    co_return code;
}

int ping(session& s, const command& self, const std::vector<std::string>& words) {
    std::uint64_t count = 100;
    bool json = s.json();
    arguments a(self);
    a.number("-c,--count", count, "round trips to each server [100]").flag("--json", json, "as one JSON array");
    if (const auto code = a.parse(words)) { return *code; }
    if (count == 0) {
        s.refused(self.name, "--count takes at least 1");
        return exit_usage;
    }
    return s.run([&](file_system& fs) { return ping_servers(s, fs, count, json); });
}

} // namespace

std::span<const command> cluster_commands() {
    static const command all[] = {
        {"stat", "all that is known of a name", "stat /run/out", "look", stat},
        {"where", "which servers hold an entry, its inode and its chunks", "where /run/out", "cluster", where},
        {"df", "space used and free", "df -h", "cluster", df, false},
        {"ping", "round trips to every server", "ping -c 1000", "cluster", ping, false},
    };
    return all;
}

} // namespace benchfs::cli
