// What benchfs-cli shows and how it reads a line: numbers, JSON, the progress line, words, patterns.
#include "catch.hpp"

#include <limits>

#include "command.hpp"
#include "completion.hpp"
#include "format.hpp"
#include "json.hpp"
#include "progress.hpp"
#include "walk.hpp"

using namespace benchfs;
using namespace benchfs::cli;

TEST_CASE("sizes have at most four characters and a unit") {
    CHECK(short_size(0) == "0");
    CHECK(short_size(1023) == "1023");
    CHECK(short_size(1024) == "1.0K");
    CHECK(short_size(10 * KiB) == "10K");
    CHECK(short_size(1536 * KiB) == "1.5M");
    CHECK(short_size(1024 * KiB - 1) == "1.0M");
    CHECK(short_size(~std::uint64_t{0}) == "16E");
    CHECK(long_size(512) == "512 B");
    CHECK(long_size(3 * GiB / 2) == "1.50 GiB");
    CHECK(size_text(2048, false) == "2048");
}

TEST_CASE("modes read as ls shows them") {
    attributes a;
    a.mode = 0640;
    CHECK(mode_text(a) == "-rw-r-----");
    a.type = file_type::directory;
    a.mode = 01777;
    CHECK(mode_text(a) == "drwxrwxrwt");
    a.mode = 06644;
    CHECK(mode_text(a) == "drwSr-Sr--");
}

TEST_CASE("times that are left, and latencies") {
    CHECK(clock_text(7) == "0:07");
    CHECK(clock_text(760) == "12:40");
    CHECK(clock_text(11100) == "3:05:00");
    CHECK(clock_text(1e12) == "--:--");
    CHECK(latency_text(850) == "850 ns");
    CHECK(latency_text(12500) == "12.5 us");
    CHECK(latency_text(3.1e6) == "3.1 ms");
}

TEST_CASE("names cannot send control characters to a terminal") {
    CHECK(printable("a\x1b[2Jb\n") == "a\\x1b[2Jb\\x0a");
    CHECK(printable("caf\xc3\xa9") == "caf\xc3\xa9");
}

TEST_CASE("JSON is valid whatever bytes a name has") {
    CHECK(json_quote("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\u000a\\u0001\"");
    CHECK(json_quote("caf\xc3\xa9") == "\"caf\xc3\xa9\"");
    CHECK(json_quote("\xff\xfe") == "\"\\ufffd\\ufffd\"");
    CHECK(json_quote("\xc3") == "\"\\ufffd\"");
    CHECK(json_quote("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\""); // half of a surrogate pair
    CHECK(json_quote("\xc0\x80") == "\"\\ufffd\\ufffd\"");            // longer than need be
    json_object o;
    o.add("n", 7)
        .add("ok", true)
        .add("text", "x")
        .add("half", 0.5)
        .add("nan", std::numeric_limits<double>::quiet_NaN());
    CHECK(o.text() == "{\"n\":7,\"ok\":true,\"text\":\"x\",\"half\":0.5,\"nan\":null}");
    json_array list;
    list.add("a").add_raw(o.text());
    CHECK(list.text().substr(0, 6) == "[\"a\",{");
}

TEST_CASE("the progress line fits, and loses what matters least first") {
    transfer_counts c;
    c.files = 24;
    c.files_done = 12;
    c.bytes = GiB;
    c.bytes_done = c.bytes_sent = GiB / 2;
    const std::string wide = progress_line(c, 2, 120);
    CHECK(wide.find("[####################....................]  50%") == 0);
    CHECK(wide.find("256.0 MiB/s") != std::string::npos);
    CHECK(wide.find("0:02 left") != std::string::npos);
    CHECK(wide.find("512.0 MiB of 1.00 GiB") != std::string::npos);
    CHECK(wide.find("12/24 files") != std::string::npos);
    for (std::size_t columns = 0; columns < 130; ++columns) {
        CHECK(progress_line(c, 2, columns).size() <= columns);
    }
    CHECK(progress_line(c, 2, 18) == " 50%  256.0 MiB/s");
    // Nothing sent yet: nobody knows how long it will take.
    CHECK(progress_line(transfer_counts{}, 0, 80).find("--:-- left") != std::string::npos);
}

TEST_CASE("a line is split as a shell splits it") {
    const auto split = [](std::string_view line) {
        std::vector<std::string> words;
        std::string why;
        REQUIRE(split_words(line, words, why));
        return words;
    };
    using list = std::vector<std::string>;
    CHECK(split("  ls -l\t/a  ") == list{"ls", "-l", "/a"});
    CHECK(split("cat 'a b' \"c d\" e\\ f") == list{"cat", "a b", "c d", "e f"});
    CHECK(split("x '' \"\"") == list{"x", "", ""});
    CHECK(split("a'b'\"c\"d") == list{"abcd"});
    CHECK(split("'a\\b' \"a\\\"b\"") == list{"a\\b", "a\"b"});
    CHECK(split("ls # the rest") == list{"ls"});
    CHECK(split("ls a#b '#'") == list{"ls", "a#b", "#"});
    CHECK(split("").empty());
    std::vector<std::string> words;
    std::string why;
    CHECK_FALSE(split_words("cat 'x", words, why));
    CHECK(why.find('\'') != std::string::npos);
}

TEST_CASE("a wrong command is met with the nearest right one") {
    CHECK(nearest_command("lss") == "ls");
    CHECK(nearest_command("mkdri") == "mkdir");
    CHECK(nearest_command("frobnicate").empty());
}

TEST_CASE("paths are put together and taken apart") {
    CHECK(join("/", "a") == "/a");
    CHECK(join("/a", "b") == "/a/b");
    CHECK(join("/a/", "b") == "/a/b");
    CHECK(base_name("/a/b") == "b");
    CHECK(base_name("/a/b//") == "b");
    CHECK(base_name("b") == "b");
    CHECK(base_name("/") == "/");
    CHECK(matches("*.h5", "out.h5"));
    CHECK_FALSE(matches("[!a-c]*", "b"));
}

TEST_CASE("candidates share what can be typed for all") {
    completions found;
    CHECK(found.common().empty());
    found.candidates = {"/run/step1/", "/run/step2/"};
    CHECK(found.common() == "/run/step");
    CHECK(shown_part("/run/step1/") == "step1/");
    CHECK(shown_part("mkdir") == "mkdir");
}
