#include "benchfs/base/json_members.hpp"

#include "benchfs/base/prng.hpp"
#include "catch.hpp"

#include <string>

using namespace benchfs;

TEST_CASE("members come in order, with their kind and text") {
    std::string error;
    const auto m =
        parse_json_members(R"( {"b": "x\u0041", "a": -5, "c": 1.50, "d": false, "e": null} )", error);
    REQUIRE(m);
    REQUIRE(m->size() == 5);
    CHECK((*m)[0].key == "b");
    CHECK((*m)[0].kind == json_kind::string);
    CHECK((*m)[0].text == "xA");
    CHECK((*m)[1].kind == json_kind::number);
    CHECK((*m)[1].text == "-5");
    CHECK((*m)[2].text == "1.50");
    CHECK((*m)[3].kind == json_kind::boolean);
    CHECK((*m)[3].text == "false");
    CHECK((*m)[4].kind == json_kind::null);
}

TEST_CASE("deep nesting and huge numbers are refused, not followed") {
    std::string error;
    CHECK(!parse_json_members(std::string(1'000'000, '['), error));
    CHECK(!parse_json_members("{\"a\": " + std::string(1'000'000, '{'), error));
    CHECK(!parse_json_members(R"({"a": 1e999999})", error));
    CHECK(error.find("line 1, column") != error.npos);
}

TEST_CASE("quoting gives JSON for any bytes") {
    CHECK(json_quote("a\"b\\\n") == R"("a\"b\\\n")");
    prng random(2);
    for (int round = 0; round < 2'000; ++round) {
        std::string text;
        for (std::uint64_t n = random.below(12); n > 0; --n) { text += static_cast<char>(random.next()); }
        std::string error;
        const auto m = parse_json_members("{\"k\": " + json_quote(text) + "}", error);
        REQUIRE(m);
        REQUIRE(m->size() == 1);
    }
}

TEST_CASE("random bytes are members or an error with a text") {
    prng random(77);
    constexpr std::string_view alphabet = "{{}}[]\"\"::,,\\u0019-.eEtruefalsn \n\t\xc3\xa9\xff";
    int accepted = 0;
    for (int round = 0; round < 50'000; ++round) {
        std::string text = random.below(3) == 0 ? "" : "{\"";
        for (std::uint64_t n = random.below(30); n > 0; --n) {
            text += alphabet[random.below(alphabet.size())];
        }
        if (random.below(4) == 0) {
            text = "{\"k" + std::to_string(round) + "\": " + std::to_string(round) + "}";
        }
        std::string error;
        const auto m = parse_json_members(text, error);
        REQUIRE(m.has_value() == error.empty());
        accepted += m ? 1 : 0;
        if (!m) { REQUIRE(m.error() == errc::bad_config); }
    }
    CHECK(accepted > 1'000);
}

TEST_CASE("a valid text with any one byte changed is members or an error") {
    const std::string valid = R"({"memory": true, "chunk_size": "4MiB", "cpu": -1, "name": "\u00e9\n"})";
    for (std::size_t at = 0; at < valid.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = valid;
            text[at] = static_cast<char>(byte);
            std::string error;
            const auto m = parse_json_members(text, error);
            REQUIRE(m.has_value() == error.empty());
        }
    }
}
