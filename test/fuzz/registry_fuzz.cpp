// The files of a registry: read as a client does, whatever is in them.
#include "target.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/cluster/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace benchfs::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace cluster;

/// A directory of this process, gone when it ends.
class scratch {
public:
    scratch() {
        std::string name = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                           "benchfs-fuzz-registry.XXXXXX";
        BFS_ASSERT(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string path() const { return path_.string(); }
    void write(const std::string& name, const_byte_span bytes, ::mode_t mode) const {
        const std::string path = path_ / name;
        std::ofstream(path, std::ios::binary | std::ios::trunc)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        BFS_ASSERT(::chmod(path.c_str(), mode) == 0);
    }

private:
    fs::path path_;
};

/// Three files, each behind its length; the rest is one server's record.
void run_registry(const_byte_span input) {
    static const scratch where;
    source from(input);
    const auto piece = [&] {
        const auto size = from.take<std::uint16_t>();
        return from.bytes(size);
    };
    where.write("cluster.json", piece(), 0644);
    where.write("secret", piece(), 0600);
    const const_byte_span first = piece();
    where.write("server.addr", first, 0644);
    where.write("server-0.addr", first, 0644);
    where.write("server-1.addr", from.rest(), 0644);
    std::string why;
    const result<registry_view> view = read_view(where.path(), why);
    if (!view) {
        BFS_ASSERT(!why.empty());
    } else {
        // Complete and of one kind, or nothing.
        BFS_ASSERT(view->servers.size() == view->cluster.servers);
        for (std::size_t i = 0; i < view->servers.size(); ++i) {
            BFS_ASSERT(index(view->servers[i].id) == i);
            BFS_ASSERT(view->servers[i].cluster_id == view->cluster.id);
            BFS_ASSERT(!view->servers[i].address.empty());
        }
    }
    why.clear();
    const result<server_record> record = parse_server_record(text_of(first), why);
    BFS_ASSERT(record || !why.empty());
    if (record) {
        const result<server_record> again = parse_server_record(to_json(*record), why);
        BFS_ASSERT(again && again->address == record->address && again->cluster_id == record->cluster_id);
    }
}

std::vector<byte_string> registry_corpus() {
    std::vector<byte_string> all;
    for (const std::uint32_t servers : {1U, 2U}) {
        const scratch made;
        std::string why;
        cluster_options wanted;
        wanted.servers = servers;
        const result<cluster_info> info = create_or_join(made.path(), wanted, why);
        BFS_ASSERT(info);
        sink out;
        const auto piece = [&](const_byte_span bytes) {
            out.put(static_cast<std::uint16_t>(bytes.size())).put_bytes(bytes);
        };
        const auto file = [&](const std::string& name) {
            std::ifstream in(made.path() + "/" + name, std::ios::binary);
            return bytes_of_text(std::string{std::istreambuf_iterator<char>(in), {}});
        };
        piece(file("cluster.json"));
        piece(file("secret"));
        for (std::uint32_t i = 0; i < servers; ++i) {
            server_record record;
            record.id = static_cast<server_id>(i);
            record.servers = servers;
            record.cluster_id = info->id;
            record.address = byte_string(60, std::byte{9});
            record.process = this_process();
            record.build = "1.0";
            const byte_string text = bytes_of_text(to_json(record));
            if (i == 0) {
                piece(text);
            } else {
                out.put_bytes(text);
            }
        }
        all.push_back(out.bytes());
        run_registry(all.back());
    }
    return all;
}

} // namespace

const target registry_target{"registry", "cluster.json, the secret and the servers' files in a registry",
                             run_registry, registry_corpus, 4000};

} // namespace benchfs::fuzz
