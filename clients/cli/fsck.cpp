// fsck: whether what all servers hold fits together.
#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "json.hpp"
#include "session.hpp"

#include "benchfs/client/fsck.hpp"
#include "benchfs/client/fsck_compare.hpp"

#include <cstdio>

namespace benchfs::cli {
namespace {

[[nodiscard]] std::string fsck_json(const fsck_report& r, std::uint32_t servers) {
    json_array faults;
    for (const fault& f : r.faults) {
        json_object o;
        o.add("kind", name_of(f.kind)).add("path", f.path).add("id", id_text(f.file));
        o.add("server", index(f.server)).add("chunk", f.chunk).add("text", f.text);
        faults.add_raw(o.add("repaired", f.repaired).add("outcome", f.outcome).text());
    }
    json_object o;
    o.add("servers", servers).add("files", r.files).add("directories", r.directories).add("names", r.names);
    o.add("chunks", r.chunks).add("bytes", r.bytes).add("bytes_read", r.bytes_read).add("holes", r.holes);
    o.add("files_with_holes", r.files_with_holes).add_raw("faults", faults.text()).add("left", r.left());
    return o.text();
}

void print(const fsck_report& r, std::uint32_t servers, bool deep) {
    for (const fault& f : r.faults) {
        const std::string what = f.path.empty() ? id_text(f.file) : printable(f.path);
        std::printf("%.*s: %s: %s%s%s\n", static_cast<int>(name_of(f.kind).size()), name_of(f.kind).data(),
                    what.c_str(), printable(f.text).c_str(), f.outcome.empty() ? "" : "; ", f.outcome.c_str());
    }
    const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf("%u server%s: %llu files, %llu directories, %llu chunks with %s", servers,
                servers == 1 ? "" : "s", number(r.files), number(r.directories), number(r.chunks),
                long_size(r.bytes).c_str());
    if (deep) { std::printf(", all read"); }
    if (r.holes != 0) {
        std::printf("; %llu chunks in %llu files are holes, as far as can be told", number(r.holes),
                    number(r.files_with_holes));
    }
    if (r.faults.empty()) {
        std::puts("\nno faults");
    } else {
        std::printf("\n%zu faults, %zu left\n", r.faults.size(), r.left());
    }
}

task<int> check(session& s, file_system& fs, fsck_options options, bool json) {
    fsck_report report;
    server_id failed{};
    task<status> checking = benchfs::fsck(fs, options, report, failed);
    const status checked = co_await std::move(checking);
    if (!checked) { co_return s.failed("fsck", "server " + std::to_string(index(failed)), checked.error()); }
    if (json) {
        std::puts(fsck_json(report, fs.servers()).c_str());
    } else {
        print(report, fs.servers(), options.deep);
    }
    co_return report.left() == 0 ? exit_ok : exit_failed;
}

int fsck(session& s, const command& self, const std::vector<std::string>& words) {
    fsck_options options;
    bool json = s.json();
    arguments a(self);
    a.flag("--repair", options.repair,
           "removes chunks and names of files that do not exist, makes files as long as their bytes, and gives "
           "files without a name, or in a directory that is gone, one in /lost+found; the rest is left");
    a.flag("--deep", options.deep, "reads every byte, too");
    a.flag("--json", json, "as a JSON object");
    if (const auto code = a.parse(words)) { return *code; }
    return s.run([&](file_system& fs) { return check(s, fs, options, json); });
}

} // namespace

std::span<const command> fsck_commands() {
    static const command all[] = {
        {"fsck", "check that names, files and chunks of all servers fit together", "fsck --repair", "health",
         fsck, false},
    };
    return all;
}

} // namespace benchfs::cli
