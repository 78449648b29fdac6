#include "raw_fio.hpp"

#include "../common/child.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <unistd.h>

namespace benchfs::bench {

std::string find_fio() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string candidate = folder + "/fio";
        if (::access(candidate.c_str(), X_OK) == 0) { return candidate; }
    }
    return {};
}

raw_result measure_fio(const fio_request& asked) {
    raw_result outcome;
    const std::vector<std::string> command = {
        asked.program,
        "--name=raw",
        "--filename=" + asked.file,
        "--ioengine=io_uring",
        std::string("--rw=") + (asked.write ? "write" : "read"),
        "--bs=" + std::to_string(asked.piece),
        "--size=" + std::to_string(asked.bytes),
        "--iodepth=" + std::to_string(asked.depth),
        std::string("--direct=") + (asked.direct ? "1" : "0"),
        "--invalidate=0",
        "--output-format=json",
    };
    const child_output said = run_to_end(command, std::chrono::seconds(120));
    // Warnings may come before the JSON.
    const std::size_t begin = said.text.find('{');
    const auto report = nlohmann::json::parse(
        begin == std::string::npos ? std::string() : said.text.substr(begin), nullptr, false);
    const char* direction = asked.write ? "write" : "read";
    const nlohmann::json::json_pointer where("/jobs/0/" + std::string(direction));
    if (said.exit_code != 0 || report.is_discarded() || !report.contains(where)) {
        outcome.error = "fio ended with exit code " + std::to_string(said.exit_code);
        return outcome;
    }
    const auto& job = report.at(where);
    const double rate = job.value("bw_bytes", 0.0); // a second
    if (job.value("io_bytes", std::uint64_t{0}) != asked.bytes || rate <= 0) {
        outcome.error = "fio did not move all bytes";
        return outcome;
    }
    outcome.microseconds = 1e6 * (1 << 20) / rate;
    return outcome;
}

} // namespace benchfs::bench
