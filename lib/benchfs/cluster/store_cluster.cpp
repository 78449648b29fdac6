#include "benchfs/cluster/store_cluster.hpp"

#include "benchfs/cluster/small_file.hpp"

namespace benchfs::cluster {
namespace {

constexpr std::size_t id_file_limit = 4 * KiB;

std::string path_in(const std::string& data_dir) { return data_dir + "/cluster.id"; }

} // namespace

result<std::string> read_store_cluster(const std::string& data_dir, std::string& why) {
    const std::string path = path_in(data_dir);
    result<std::string> text = read_small_file(path, id_file_limit);
    if (!text) {
        if (text.error() == errc::not_found) { return std::string(); }
        why = "cannot read " + path + ": " + std::string(message(text.error()));
        return text.error();
    }
    if (text->ends_with('\n')) { text->pop_back(); }
    if (!is_cluster_id(*text)) {
        why =
            path + " is damaged: it is not " + std::to_string(cluster_id_digits) +
            " hexadecimal digits. The store beside it may be good: remove the file if you know that the store "
            "belongs to this registry's cluster";
        return errc::bad_config;
    }
    return text;
}

status check_store_cluster(const std::string& data_dir, const std::string& store,
                           const std::string& registry_dir, const cluster_info& cluster, std::string& why) {
    if (store.empty() || store == cluster.id) { return ok(); }
    why =
        "the store in '" + data_dir + "' belongs to cluster " + store.substr(0, 8) + "..., the registry '" +
        registry_dir + "' is that of " + cluster.id.substr(0, 8) +
        "...: this server has parts of other files than the others. Name a new data directory, or that store's "
        "own registry; if its registry is gone, stop all servers, remove '" +
        registry_dir + "', and start this one first";
    return errc::bad_config;
}

status keep_store_cluster(const std::string& data_dir, const std::string& id) {
    const status made = create_file(path_in(data_dir), id + "\n", 0644);
    return made || made.error() == errc::already_exists ? ok() : made;
}

} // namespace benchfs::cluster
