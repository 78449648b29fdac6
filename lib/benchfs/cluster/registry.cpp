// Address files: published, withdrawn, read and waited for.
#include "benchfs/cluster/registry.hpp"

#include "benchfs/cluster/small_file.hpp"
#include "benchfs/runtime/loop.hpp"
#include "benchfs/runtime/sleep.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

namespace benchfs::cluster {

namespace {

constexpr std::size_t address_file_limit = 256 * KiB;

std::string path_of(const std::string& dir, const server_record& record) {
    return dir + "/" + address_file_name(record.id, record.servers);
}

std::string process_text(const server_record& record) {
    return "process " + std::to_string(record.process.pid) + " on " + record.process.host;
}

result<server_record> read_record(const std::string& path, std::string& why) {
    const result<std::string> text = read_small_file(path, address_file_limit);
    if (!text) {
        why = "cannot read " + path + ": " + std::string(message(text.error()));
        return text.error();
    }
    result<server_record> record = parse_server_record(*text, why);
    if (!record) { why = path + " is damaged: " + why; }
    return record;
}

/// Names in the directory that look like address files, sorted.
result<std::vector<std::string>> address_files(const std::string& dir, std::string& why) {
    struct close_dir {
        void operator()(DIR* d) const noexcept { ::closedir(d); }
    };
    const std::unique_ptr<DIR, close_dir> open(::opendir(dir.c_str()));
    if (!open) {
        const errc code = from_errno(errno);
        why = "cannot list " + dir + ": " + std::string(message(code));
        return code;
    }
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(open.get())) {
        const std::string_view name = entry->d_name;
        if (name.starts_with("server") && name.ends_with(".addr")) { out.emplace_back(name); }
    }
    std::sort(out.begin(), out.end());
    return out;
}

/// Collects the servers of one cluster, and what is wrong with the rest.
class view_builder {
public:
    view_builder(const std::string& dir, cluster_info cluster) : dir_(dir), found_(cluster.servers) {
        view_.cluster = std::move(cluster);
    }

    status add(const std::string& name, std::string& why) {
        const std::string path = dir_ + "/" + name;
        result<server_record> read = read_record(path, why);
        if (!read && read.error() == errc::not_found) { return ok(); } // withdrawn just now
        if (!read) { return read.error(); }
        server_record& record = *read;
        if (look_for(record.process) == liveness::dead) {
            stale_ += "; " + name + " is stale: " + process_text(record) + " has ended without removing it";
            return ok();
        }
        const cluster_info& cluster = view_.cluster;
        if (record.cluster_id != cluster.id || record.servers != cluster.servers) {
            why = path + " is of another cluster (" + record.cluster_id.substr(0, 8) + "... with " +
                  std::to_string(record.servers) + " servers, " + process_text(record) +
                  ") than cluster.json (" + cluster.id.substr(0, 8) + "... with " +
                  std::to_string(cluster.servers) + "); remove it, or use another directory";
            return errc::wrong_cluster;
        }
        if (name != address_file_name(record.id, record.servers)) {
            why = path + " holds the address of server " + std::to_string(index(record.id));
            return errc::bad_config;
        }
        found_[index(record.id)] = std::move(record);
        return ok();
    }

    result<registry_view> finish(std::string& why) {
        std::string missing;
        std::size_t missing_count = 0;
        for (std::size_t i = 0; i < found_.size(); ++i) {
            if (found_[i]) {
                view_.servers.push_back(*std::move(found_[i]));
            } else if (++missing_count <= 16) {
                missing += (missing.empty() ? "" : ", ") + std::to_string(i);
            }
        }
        if (missing_count == 0) { return std::move(view_); }
        if (missing_count > 16) { missing += ", ..."; }
        why = std::to_string(view_.servers.size()) + " of " + std::to_string(found_.size()) +
              " servers are registered in " + dir_ + " (missing: " + missing + ")" + stale_;
        return errc::no_server;
    }

private:
    const std::string& dir_;
    registry_view view_;
    std::vector<std::optional<server_record>> found_;
    std::string stale_;
};

} // namespace

status publish(const std::string& dir, const server_record& record, std::string& why) {
    const std::string path = path_of(dir, record);
    std::string ignored; // a damaged record is replaced like a stale one
    const result<server_record> before = read_record(path, ignored);
    if (before && before->process != record.process && look_for(before->process) == liveness::alive) {
        why = path + ": server " + std::to_string(index(before->id)) + " is running already, " +
              process_text(*before) + "; stop it first, or use another directory";
        return errc::address_in_use;
    }
    const status written = replace_file(path, to_json(record), 0644);
    if (!written) { why = "cannot write " + path + ": " + std::string(message(written.error())); }
    return written;
}

void withdraw(const std::string& dir, const server_record& record) noexcept {
    const std::string path = path_of(dir, record);
    std::string ignored;
    const result<server_record> now = read_record(path, ignored);
    if (now && now->process == record.process) { ::unlink(path.c_str()); }
}

result<registry_view> read_view(const std::string& dir, std::string& why) {
    BFS_TRY(cluster_info cluster, read_cluster(dir, why));
    BFS_TRY(const std::vector<std::string> names, address_files(dir, why));
    view_builder builder(dir, std::move(cluster));
    for (const std::string& name : names) { BFS_CHECK(builder.add(name, why)); }
    result<registry_view> view = builder.finish(why);
    if (view) { why.clear(); }
    return view;
}

result<server_record> read_server(const std::string& dir, server_id id, std::string& why) {
    BFS_TRY(const cluster_info cluster, read_cluster(dir, why));
    const std::string path = dir + "/" + address_file_name(id, cluster.servers);
    result<server_record> record = read_record(path, why);
    if (!record) { return record.error() == errc::not_found ? errc::no_server : record.error(); }
    if (record->cluster_id != cluster.id || record->id != id) {
        why = path + " is of another cluster or server";
        return errc::wrong_cluster;
    }
    if (look_for(record->process) == liveness::dead) {
        why = path + " is stale: " + process_text(*record) + " has ended without removing it";
        return errc::no_server;
    }
    return record;
}

runtime::task<result<registry_view>> wait_for_servers(std::string dir, std::string& why, duration timeout) {
    const runtime::call_context& context = co_await runtime::current_context();
    runtime::loop& owner = *context.owner;
    const time_point begin = owner.now();
    for (;;) {
        result<registry_view> view = read_view(dir, why);
        const duration waited = owner.now() - begin;
        if (view) { co_return view; }
        if (waited >= timeout) { break; }
        // Often at first, when a script starts servers and clients together; a shared directory is spared
        // later.
        const duration rest =
            waited < std::chrono::seconds(1) ? std::chrono::milliseconds(20) : std::chrono::milliseconds(100);
        const status slept = co_await runtime::sleep_for(std::min(rest, timeout - waited));
        if (!slept) { co_return slept.error(); }
    }
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    why = "no usable server in the registry " + dir + " after " +
          (ms % 1000 == 0 ? std::to_string(ms / 1000) + " s: " : std::to_string(ms) + " ms: ") + why +
          ". Check that the servers run (their log tells), that they were started with this directory, and, on "
          "several nodes, that it is shared and readable by this user";
    co_return errc::no_server;
}

} // namespace benchfs::cluster
