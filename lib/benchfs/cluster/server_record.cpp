#include "benchfs/cluster/server_record.hpp"

#include "benchfs/cluster/placement.hpp"
#include "benchfs/cluster/text_fields.hpp"

#include <limits>

namespace benchfs::cluster {

namespace {
constexpr std::uint64_t record_format = 1;
} // namespace

std::string address_file_name(server_id id, std::uint32_t servers) {
    if (servers == 1) { return "server.addr"; }
    return "server-" + std::to_string(index(id)) + ".addr";
}

std::string to_json(const server_record& record) {
    const auto number = [](std::string_view key, std::uint64_t value) {
        return "  \"" + std::string(key) + "\": " + std::to_string(value);
    };
    const auto text = [](std::string_view key, std::string_view value) {
        return "  \"" + std::string(key) + "\": " + json_quote(value);
    };
    return "{\n" + number("format", record_format) + ",\n" + number("id", index(record.id)) + ",\n" +
           number("servers", record.servers) + ",\n" + text("cluster_id", record.cluster_id) + ",\n" +
           text("host", record.process.host) + ",\n" +
           number("pid", static_cast<std::uint64_t>(record.process.pid)) + ",\n" +
           number("start_time", record.process.start_time) + ",\n" + text("boot_id", record.process.boot_id) +
           ",\n" + text("pid_namespace", record.process.pid_namespace) + ",\n" + text("build", record.build) +
           ",\n" + text("address", to_hex(record.address)) + "\n}\n";
}

result<server_record> parse_server_record(std::string_view text, std::string& why) {
    constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
    BFS_TRY(const text_fields fields, text_fields::parse(text, why));
    std::uint64_t format = 0;
    BFS_CHECK(fields.number("format", format, 0, any, why));
    if (format != record_format) {
        why =
            "its format is " + std::to_string(format) + ", this version reads " + std::to_string(record_format);
        return errc::protocol_mismatch;
    }
    std::uint64_t id = 0;
    std::uint64_t servers = 0;
    std::uint64_t pid = 0;
    std::string address;
    server_record out;
    BFS_CHECK(fields.number("servers", servers, 1, max_servers, why));
    BFS_CHECK(fields.number("id", id, 0, servers - 1, why));
    BFS_CHECK(fields.text("cluster_id", out.cluster_id, why));
    BFS_CHECK(fields.text("host", out.process.host, why));
    BFS_CHECK(fields.number("pid", pid, 0, std::numeric_limits<std::int32_t>::max(), why));
    BFS_CHECK(fields.number("start_time", out.process.start_time, 0, any, why));
    BFS_CHECK(fields.text("boot_id", out.process.boot_id, why));
    BFS_CHECK(fields.text("pid_namespace", out.process.pid_namespace, why));
    BFS_CHECK(fields.text("build", out.build, why));
    BFS_CHECK(fields.text("address", address, why));
    result<std::vector<std::byte>> bytes = from_hex(address);
    if (!bytes || bytes->empty()) {
        why = "\"address\" is not an address in hexadecimal";
        return errc::bad_config;
    }
    out.id = static_cast<server_id>(id);
    out.servers = static_cast<std::uint32_t>(servers);
    out.process.pid = static_cast<std::int64_t>(pid);
    out.address = *std::move(bytes);
    return out;
}

} // namespace benchfs::cluster
