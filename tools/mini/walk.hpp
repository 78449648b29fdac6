// What a BenchFS Mini client does to show that everything works: every request, with the bytes compared.
#pragma once

#include <cstddef>
#include <string>

namespace benchfs::mini {

struct walk_options {
    std::string name; // of this client, so that many may walk at once
    std::size_t size = 1 << 20;
    unsigned count = 4; // files
};

/// The step that failed and why; both empty when all went well.
struct walk_failure {
    std::string step;
    std::string why;
    [[nodiscard]] explicit operator bool() const noexcept { return !step.empty(); }
};

/// Connects to the server and goes through all requests; a line on standard output for each step.
[[nodiscard]] walk_failure walk(int server_rank, const walk_options& options);

/// What to look at when this step fails, for a person.
[[nodiscard]] std::string likely_cause(const std::string& step);

} // namespace benchfs::mini
