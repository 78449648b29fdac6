// cluster.json and the secret: made once, read by all.
#include "benchfs/base/random.hpp"
#include "benchfs/cluster/placement.hpp"
#include "benchfs/cluster/registry.hpp"
#include "benchfs/cluster/small_file.hpp"
#include "benchfs/cluster/text_fields.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace benchfs::cluster {

namespace {

constexpr std::uint64_t cluster_format = 1;
constexpr std::size_t cluster_file_limit = 64 * KiB;

std::string cluster_path(const std::string& dir) { return dir + "/cluster.json"; }
std::string secret_path(const std::string& dir) { return dir + "/secret"; }

errc fail(errc code, std::string text, std::string& why) {
    why = std::move(text);
    return code;
}

errc cannot(std::string_view what, const std::string& path, errc code, std::string& why) {
    return fail(code, "cannot " + std::string(what) + " " + path + ": " + std::string(message(code)), why);
}

// Directories that are missing on the way, as mkdir -p.
status make_directories(const std::string& dir, std::string& why) {
    if (dir.empty()) { return fail(errc::bad_config, "the registry directory has no name", why); }
    for (std::size_t end = dir.find('/', 1);; end = dir.find('/', end + 1)) {
        const std::string part = dir.substr(0, end);
        if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
            const errc code = from_errno(errno);
            struct stat info = {};
            // A parent that exists may forbid making anything in it, itself included.
            if (::stat(part.c_str(), &info) != 0) { return cannot("make the directory", part, code, why); }
        }
        if (end == dir.npos) { break; }
    }
    struct stat info = {};
    if (::stat(dir.c_str(), &info) != 0) { return cannot("look at", dir, from_errno(errno), why); }
    if (!S_ISDIR(info.st_mode)) { return fail(errc::not_a_directory, dir + " is not a directory", why); }
    return ok();
}

status random_bytes(byte_span out, std::string& why) {
    const status filled = system_random().fill(out);
    if (!filled) { why = "the kernel gave no random bytes"; }
    return filled;
}

status make_secret(const std::string& dir, std::string& why) {
    cluster_secret fresh;
    BFS_CHECK(random_bytes(fresh, why));
    const std::string_view text(reinterpret_cast<const char*>(fresh.data()), fresh.size());
    const status made = create_file(secret_path(dir), text, 0600);
    if (made || made.error() == errc::already_exists) { return ok(); }
    return cannot("write", secret_path(dir), made.error(), why);
}

status read_secret(const std::string& dir, cluster_secret& to, std::string& why) {
    const std::string path = secret_path(dir);
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) {
        const errc code = from_errno(errno);
        if (code != errc::not_found) { return cannot("look at", path, code, why); }
        return fail(errc::bad_config,
                    path + " is missing beside cluster.json; stop the servers, remove the directory " + dir +
                        " and start again",
                    why);
    }
    if ((info.st_mode & 077) != 0) {
        return fail(errc::bad_config,
                    path + " can be read by others, so it is no secret; run: chmod 600 " + path, why);
    }
    const result<std::string> text = read_small_file(path, cluster_file_limit);
    if (!text) { return cannot("read", path, text.error(), why); }
    if (text->size() != to.size()) {
        return fail(errc::bad_config,
                    path + " is damaged: it has " + std::to_string(text->size()) + " bytes, not " +
                        std::to_string(to.size()),
                    why);
    }
    std::memcpy(to.data(), text->data(), to.size());
    return ok();
}

std::string cluster_json(const cluster_info& info) {
    return "{\n  \"format\": " + std::to_string(cluster_format) +
           ",\n  \"cluster_id\": " + json_quote(info.id) + ",\n  \"epoch\": " + std::to_string(info.epoch) +
           ",\n  \"servers\": " + std::to_string(info.servers) +
           ",\n  \"chunk_size\": " + std::to_string(info.chunk_size) +
           ",\n  \"placement\": " + json_quote(info.placement) + "\n}\n";
}

result<cluster_info> parse_cluster(std::string_view text, std::string& why) {
    constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
    BFS_TRY(const text_fields fields, text_fields::parse(text, why));
    std::uint64_t format = 0;
    BFS_CHECK(fields.number("format", format, 0, any, why));
    if (format != cluster_format) {
        why = "its format is " + std::to_string(format) + ", this version reads " +
              std::to_string(cluster_format);
        return errc::protocol_mismatch;
    }
    cluster_info out;
    std::uint64_t servers = 0;
    std::uint64_t chunk_size = 0;
    BFS_CHECK(fields.text("cluster_id", out.id, why));
    BFS_CHECK(fields.number("epoch", out.epoch, 1, any, why));
    BFS_CHECK(fields.number("servers", servers, 1, max_servers, why));
    BFS_CHECK(fields.number("chunk_size", chunk_size, 1, std::numeric_limits<std::uint32_t>::max(), why));
    BFS_CHECK(fields.text("placement", out.placement, why));
    if (!is_cluster_id(out.id)) {
        why = "\"cluster_id\" is not " + std::to_string(cluster_id_digits) + " hexadecimal digits";
        return errc::bad_config;
    }
    out.servers = static_cast<std::uint32_t>(servers);
    out.chunk_size = static_cast<std::uint32_t>(chunk_size);
    return out;
}

status make_cluster(const std::string& dir, const cluster_options& wanted, std::string& why) {
    std::array<std::byte, 16> id;
    BFS_CHECK(random_bytes(id, why));
    cluster_info fresh;
    fresh.id = wanted.id.empty() ? to_hex(id) : wanted.id;
    fresh.servers = wanted.servers;
    fresh.chunk_size = wanted.chunk_size != 0 ? wanted.chunk_size : wanted.default_chunk_size;
    fresh.placement = wanted.placement.empty() ? std::string(placement_table().front().name) : wanted.placement;
    // The secret first: whoever sees the cluster finds it.
    BFS_CHECK(make_secret(dir, why));
    const status made = create_file(cluster_path(dir), cluster_json(fresh), 0644);
    if (made || made.error() == errc::already_exists) { return ok(); }
    return cannot("write", cluster_path(dir), made.error(), why);
}

status check_wanted(const std::string& dir, const cluster_info& found, const cluster_options& wanted,
                    std::string& why) {
    const auto differs = [&](const std::string& what, const std::string& is, const std::string& want) {
        return fail(
            errc::bad_config,
            dir + " belongs to a cluster with " + what + " " + is + ", not " + want +
                "; use the same value or another directory, or remove this one once its servers have ended",
            why);
    };
    if (found.servers != wanted.servers) {
        return differs("servers", std::to_string(found.servers), std::to_string(wanted.servers));
    }
    if (wanted.chunk_size != 0 && found.chunk_size != wanted.chunk_size) {
        return differs("chunk size", std::to_string(found.chunk_size), std::to_string(wanted.chunk_size));
    }
    if (!wanted.placement.empty() && found.placement != wanted.placement) {
        return differs("placement", found.placement, wanted.placement);
    }
    return ok();
}

} // namespace

bool is_cluster_id(std::string_view text) {
    return text.size() == cluster_id_digits && from_hex(text).has_value();
}

result<cluster_info> read_cluster(const std::string& dir, std::string& why) {
    const std::string path = cluster_path(dir);
    const result<std::string> text = read_small_file(path, cluster_file_limit);
    if (!text) {
        if (text.error() != errc::not_found) { return cannot("read", path, text.error(), why); }
        struct stat info = {};
        if (::stat(dir.c_str(), &info) == 0) {
            return fail(errc::no_server,
                        dir + " has no cluster.json: no server was started with this directory", why);
        }
        const errc code = from_errno(errno);
        if (code != errc::not_found) { return cannot("look at", dir, code, why); }
        return fail(errc::no_server, "the directory " + dir + " does not exist", why);
    }
    result<cluster_info> found = parse_cluster(*text, why);
    if (!found) {
        why = path + " is damaged: " + why;
        return found.error();
    }
    BFS_CHECK(read_secret(dir, found->secret, why));
    return found;
}

result<cluster_info> create_or_join(const std::string& dir, const cluster_options& wanted, std::string& why) {
    if (wanted.servers == 0 || wanted.servers > max_servers) {
        return fail(errc::bad_config,
                    "a cluster has 1 to " + std::to_string(max_servers) + " servers, not " +
                        std::to_string(wanted.servers),
                    why);
    }
    if (!make_placement(wanted.placement, 1)) {
        return fail(errc::bad_config, "there is no placement \"" + wanted.placement + "\"", why);
    }
    BFS_CHECK(make_directories(dir, why));
    result<cluster_info> found = read_cluster(dir, why);
    if (!found && found.error() == errc::no_server) {
        BFS_CHECK(make_cluster(dir, wanted, why));
        found = read_cluster(dir, why); // maybe another's, who was faster
    }
    if (!found) { return found.error(); }
    BFS_CHECK(check_wanted(dir, *found, wanted, why));
    why.clear();
    return found;
}

} // namespace benchfs::cluster
