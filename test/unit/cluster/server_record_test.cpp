#include "benchfs/base/prng.hpp"
#include "support.hpp"

namespace benchfs::cluster {
namespace {

server_record sample() {
    cluster_info cluster;
    cluster.id = std::string(32, 'c');
    cluster.servers = 4;
    server_record out = record_of(cluster, 2);
    out.process.host = "node \"7\"\\\n";
    return out;
}

TEST_CASE("a record survives its file") {
    const server_record before = sample();
    std::string why;
    const auto after = parse_server_record(to_json(before), why);
    INFO(why);
    REQUIRE(after);
    REQUIRE(after->id == before.id);
    REQUIRE(after->servers == before.servers);
    REQUIRE(after->cluster_id == before.cluster_id);
    REQUIRE(after->address == before.address);
    REQUIRE(after->process == before.process);
    REQUIRE(after->build == before.build);
}

TEST_CASE("one server has one plain file name, several carry their number") {
    REQUIRE(address_file_name(server_id{0}, 1) == "server.addr");
    REQUIRE(address_file_name(server_id{0}, 2) == "server-0.addr");
    REQUIRE(address_file_name(server_id{12}, 40) == "server-12.addr");
}

std::string replaced(const std::string& what, const std::string& with) {
    std::string text = to_json(sample());
    const std::size_t at = text.find(what);
    REQUIRE(at != text.npos);
    return text.replace(at, what.size(), with);
}

TEST_CASE("a damaged record is refused and the text names the key") {
    const auto refused = [](const std::string& text, const std::string& part,
                            errc expected = errc::bad_config) {
        std::string why;
        const auto parsed = parse_server_record(text, why);
        INFO(text << "\n" << why);
        REQUIRE_FALSE(parsed);
        REQUIRE(parsed.error() == expected);
        REQUIRE(contains(why, part));
    };
    refused(replaced("\"format\": 1", "\"format\": 2"), "format is 2", errc::protocol_mismatch);
    refused(replaced("\"format\": 1", "\"form\": 1"), "\"format\" is missing");
    refused(replaced("\"id\": 2", "\"id\": 4"), "\"id\" is 4");
    refused(replaced("\"id\": 2", "\"id\": -1"), "\"id\" is -1");
    refused(replaced("\"id\": 2", "\"id\": \"2\""), "\"id\" is not a number");
    refused(replaced("\"id\": 2", "\"id\": 1.5"), "\"id\" is 1.5");
    refused(replaced("\"servers\": 4", "\"servers\": 0"), "\"servers\" is 0");
    refused(replaced("\"servers\": 4", "\"servers\": 99999999999999999999999"), "\"servers\" is 9999");
    refused(replaced("ab0200", "ab020"), "address");
    refused(replaced("ab0200", "ab02zz"), "address");
    refused(replaced("ab0200", ""), "address");
    refused("", "");
    refused("[]", "");
    refused("{}", "format");
    refused("{\"format\":", "");
}

TEST_CASE("keys of a later version are ignored") {
    std::string why;
    REQUIRE(parse_server_record(replaced("\"format\": 1", "\"colour\": \"blue\",\n\"format\": 1"), why));
}

TEST_CASE("no damage to a file makes reading it crash") {
    const std::string good = to_json(sample());
    prng random(11);
    int accepted = 0;
    for (int i = 0; i < 4000; ++i) {
        std::string text = good;
        for (std::uint64_t n = random.below(6) + 1; n > 0; --n) {
            switch (random.below(3)) {
            case 0:
                text[random.below(text.size())] = static_cast<char>(random.below(256));
                break;
            case 1:
                text.erase(random.below(text.size()), random.below(20));
                break;
            default:
                text.insert(random.below(text.size()), 1, "{}[]\",:0\\"[random.below(9)]);
                break;
            }
        }
        std::string why;
        const auto parsed = parse_server_record(text, why);
        if (!parsed) {
            REQUIRE_FALSE(why.empty());
        } else {
            ++accepted; // some damage is within a string
            REQUIRE(index(parsed->id) < parsed->servers);
        }
    }
    REQUIRE(accepted < 3000);
}

} // namespace
} // namespace benchfs::cluster
