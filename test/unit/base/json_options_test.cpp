#include "benchfs/base/json_options.hpp"

#include "benchfs/base/types.hpp"
#include "catch.hpp"

#include <string>
#include <vector>

using namespace benchfs;
using namespace std::chrono_literals;

namespace {

struct settings {
    bool memory = false;
    std::size_t chunk_size = 4 * MiB;
    std::uint32_t queue_size = 256;
    int cpu = -1;
    std::string data_dir = "/data";
    std::string engine = "memory";
    duration retry_for = 1500ms;
    option_set options;

    settings() {
        options.add("memory", "keep chunks in memory", memory);
        options.add_bytes("chunk_size", "bytes in a chunk", chunk_size, 4 * KiB, 64 * MiB);
        options.add("uring_queue_size", "entries", queue_size, 1, 4096);
        options.add("cpu", "core, -1 for any", cpu, -1, 1023);
        options.add("data_dir", "where chunks are", data_dir);
        options.add("engine", "storage engine", engine, {"memory", "uring"});
        options.add("retry_for", "how long to retry", retry_for, 0s, 1h);
    }
};

struct refused {
    std::string json;
    std::string text; // the whole message, after "server.json: "
};

} // namespace

TEST_CASE("a configuration sets what it names and leaves the rest") {
    settings s;
    std::string error;
    REQUIRE(s.options.apply_json(R"({"memory": true, "chunk_size": "1MiB", "cpu": 3, "engine": "uring",
                                     "retry_for": "250ms"})",
                                 "server.json", error));
    CHECK(s.memory);
    CHECK(s.chunk_size == MiB);
    CHECK(s.cpu == 3);
    CHECK(s.engine == "uring");
    CHECK(s.retry_for == 250ms);
    CHECK(s.queue_size == 256);
    CHECK(s.data_dir == "/data");
    REQUIRE(s.options.apply_json(R"({"chunk-size": 8192, "retry_for": 2, "cpu": -1, "data_dir": "ä/\n"})", "x",
                                 error));
    CHECK(s.chunk_size == 8192);
    CHECK(s.retry_for == 2s);
    CHECK(s.cpu == -1);
    CHECK(s.data_dir == "ä/\n");
    REQUIRE(s.options.apply_json("{}", "x", error));
    CHECK(error.empty());
}

TEST_CASE("a bad configuration is refused with the key, the value and what is accepted") {
    const std::vector<refused> table{
        {R"({"chunk_sizes": 1})", R"(unknown key "chunk_sizes" (did you mean "chunk_size"?))"},
        {R"({"fnord": 1})", R"(unknown key "fnord")"},
        {R"({"memory": 1})", R"("memory": 1 is not true or false)"},
        {R"({"memory": "true"})", R"("memory": "true" is not true or false)"},
        {R"({"memory": null})", R"("memory": null is not true or false)"},
        {R"({"chunk_size": 12})", R"("chunk_size": 12 is not a size such as "4MiB", from 4KiB to 64MiB)"},
        {R"({"chunk_size": "65MiB"})",
         R"("chunk_size": "65MiB" is not a size such as "4MiB", from 4KiB to 64MiB)"},
        {R"({"chunk_size": "big"})", R"("chunk_size": "big" is not a size such as "4MiB", from 4KiB to 64MiB)"},
        {R"({"chunk_size": 8192.0})",
         R"("chunk_size": 8192.0 is not a size such as "4MiB", from 4KiB to 64MiB)"},
        {R"({"chunk_size": -1})", R"("chunk_size": -1 is not a size such as "4MiB", from 4KiB to 64MiB)"},
        {R"({"uring_queue_size": "256"})",
         R"("uring_queue_size": "256" is not a whole number, from 1 to 4096)"},
        {R"({"uring_queue_size": 0})", R"("uring_queue_size": 0 is not a whole number, from 1 to 4096)"},
        {R"({"cpu": 99999999999999999999})",
         R"("cpu": 99999999999999999999 is not a whole number, from -1 to 1023)"},
        {R"({"data_dir": 5})", R"("data_dir": 5 is not a string)"},
        {R"({"engine": "tape"})", R"("engine": "tape" is not one of "memory", "uring")"},
        {R"({"engine": true})", R"("engine": true is not one of "memory", "uring")"},
        {R"({"retry_for": "2h"})", R"("retry_for": "2h" is not a time such as "1500ms", from 0ns to 1h)"},
        {R"({"data_dir": ["a"]})", R"("data_dir" is an array; a plain value is expected)"},
        {R"({"data_dir": {"a": 1}})", R"("data_dir" is an object; a plain value is expected)"},
        {R"({"cpu": 1, "cpu": 2})", R"(key "cpu" comes twice)"},
        {R"({"data_dir": "a", "data-dir": "b"})", R"(key "data-dir" comes twice)"},
        {R"([])", R"(a JSON object is expected: { "key": value, ... })"},
        {R"(3)", R"(a JSON object is expected: { "key": value, ... })"},
    };
    for (const refused& r : table) {
        CAPTURE(r.json);
        settings s;
        std::string error;
        CHECK(s.options.apply_json(r.json, "server.json", error).error() == errc::bad_config);
        CHECK(error == "server.json: " + r.text);
    }
}

TEST_CASE("malformed JSON is refused with line and column") {
    const std::vector<refused> table{
        {"", "line 1, column 1: "},
        {"{", "line 1, column 2: "},
        {"{\n  \"cpu\": 1,\n}", "line 3, column 1: "},
        {"{\n\n  \"cpu\" 1}", "line 3, column 9: "},
        {"{} x", "line 1, column 4: "},
        {"{\"cpu\": 01}", "line 1, column 10: "},
        {"{\"data_dir\": \"a\nb\"}", "line 1, column "},
        {"{\"data_dir\": \"\xff\"}", "line 1, column 15: "},
        {"{'cpu': 1}", "line 1, column 2: "},
        {"// comment\n{}", "line 1, column 1: "},
    };
    for (const refused& r : table) {
        CAPTURE(r.json);
        settings s;
        std::string error;
        CHECK(s.options.apply_json(r.json, "server.json", error).error() == errc::bad_config);
        CHECK(error.substr(0, 13 + r.text.size()) == "server.json: " + r.text);
        CHECK(error.size() > 13 + r.text.size());
        CHECK(error.find('\n') == error.npos);
    }
}

TEST_CASE("a refused configuration changes nothing") {
    settings s;
    std::string error;
    CHECK(!s.options.apply_json(R"({"cpu": 5, "memory": true, "chunk_size": 1})", "x", error));
    CHECK(s.cpu == -1);
    CHECK(!s.memory);
}

TEST_CASE("a command line sets options by either spelling") {
    settings s;
    std::string error;
    REQUIRE(s.options.set("--chunk-size", "64KiB", error));
    CHECK(s.chunk_size == 64 * KiB);
    REQUIRE(s.options.set("uring_queue-size", "17", error));
    CHECK(s.queue_size == 17);
    REQUIRE(s.options.set("memory", "on", error));
    CHECK(s.memory);
    REQUIRE(s.options.set("memory", "0", error));
    CHECK(!s.memory);
    REQUIRE(s.options.set("cpu", "-1", error));
    REQUIRE(s.options.set("data-dir", "", error));
    CHECK(s.data_dir.empty());
    CHECK(s.options.set("--chunksize", "1", error).error() == errc::bad_config);
    CHECK(error == R"(unknown option "chunksize" (did you mean "chunk_size"?))");
    CHECK(s.options.set("--uring-queue-size", "1KiB", error).error() == errc::bad_config);
    CHECK(error == R"("uring_queue_size": "1KiB" is not a whole number, from 1 to 4096)");
    CHECK(s.options.set("memory", "maybe", error).error() == errc::bad_config);
    CHECK(error == R"("memory": "maybe" is not true or false)");
    CHECK(s.queue_size == 17);
}

TEST_CASE("what is printed configures another process the same") {
    settings a;
    std::string error;
    REQUIRE(a.options.apply_json(
        R"({"memory": true, "chunk_size": 12288, "cpu": 7, "data_dir": "/x \"y\"\\", "retry_for": "333us"})",
        "x", error));
    settings b;
    REQUIRE(b.options.apply_json(a.options.to_json(), "printed", error));
    CHECK(b.options.to_json() == a.options.to_json());
    CHECK(b.chunk_size == 12288);
    CHECK(b.data_dir == "/x \"y\"\\");
    CHECK(b.retry_for == 333us);
    CHECK(a.options.value_of("chunk-size") == "12KiB");
    CHECK(a.options.value_of("nothing").empty());
    CHECK(a.options.options().size() == 7);
    CHECK(a.options.options()[1].name == "chunk_size");
    CHECK(a.options.options()[1].accepts == "a size such as \"4MiB\", from 4KiB to 64MiB");
}
