// Configuration: JSON objects, and options set from text, of servers and clients.
#include "target.hpp"

#include "benchfs/base/assert.hpp"
#include "benchfs/base/json_options.hpp"
#include "benchfs/base/path.hpp"
#include "benchfs/base/units.hpp"
#include "benchfs/client/options.hpp"
#include "benchfs/server/options.hpp"

#include <string>

namespace benchfs::fuzz {
namespace {

/// All or nothing; and what was taken is written in a form that is taken again.
template <class Options>
void apply(std::string_view text) {
    Options options;
    option_set set;
    bind_options(set, options);
    const std::string before = set.to_json();
    std::string why;
    if (!set.apply_json(text, "fuzz.json", why)) {
        BFS_ASSERT(!why.empty() && why.find('\n') == why.npos);
        BFS_ASSERT(set.to_json() == before);
        return;
    }
    const std::string after = set.to_json();
    Options again;
    option_set others;
    bind_options(others, again);
    BFS_ASSERT(others.apply_json(after, "again.json", why).has_value());
    BFS_ASSERT(others.to_json() == after);
    (void)validate(options, why);
}

void set_one(std::string_view text) {
    const std::size_t at = text.find('=');
    if (at == text.npos) { return; }
    server_options options;
    option_set set;
    bind_options(set, options);
    std::string why;
    const bool taken = set.set(text.substr(0, at), text.substr(at + 1), why).has_value();
    BFS_ASSERT(taken || !why.empty());
}

void run_config(const_byte_span input) {
    const std::string_view text = text_of(input);
    apply<server_options>(text);
    apply<client_options>(text);
    set_one(text);
    const result<path> p = path::parse(text);
    if (p) {
        const result<path> again = path::parse(p->str());
        BFS_ASSERT(again && *again == *p);
    }
}

std::vector<byte_string> config_corpus() {
    std::vector<byte_string> all;
    const auto add = [&](std::string_view text) { all.push_back(bytes_of_text(text)); };
    server_options server;
    option_set servers;
    bind_options(servers, server);
    add(servers.to_json());
    client_options client;
    option_set clients;
    bind_options(clients, client);
    add(clients.to_json());
    add(R"({"registry_dir": "/tmp/x\u00e4\n", "chunk_size": "4MiB", "id": 3, "memory": true, "cpu": -1})");
    add(R"({"deadline": "1500ms", "connect_wait": 3, "transport": "ucx"})");
    add(R"([1, {"a": [null, 1e9, -0.5, "\ud83d\ude00"]}])");
    add("--chunk-size=64KiB");
    add("metrics_interval=1500ms");
    add("log_size=18446744073709551615GiB");
    add("/a//b/./c/../d/");
    return all;
}

} // namespace

const target config_target{"config", "options from JSON and from command lines, and paths", run_config,
                           config_corpus, 10000};

} // namespace benchfs::fuzz
