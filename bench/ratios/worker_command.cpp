#include "client_worker.hpp"

#include "../common/statistics.hpp"

#include <cstdlib>

namespace benchfs::bench {

std::vector<std::string> worker_command(const std::string& kind, const std::string& registry, int cpu,
                                        const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {own_program(), client_worker_flag, kind, registry, std::to_string(cpu)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

worker_figure figure_of(const child_output& said) {
    worker_figure f;
    // The last line: what comes before it are announcements.
    const std::string text = trimmed(said.text);
    const std::size_t line = text.rfind('\n');
    const std::string last = line == std::string::npos ? text : text.substr(line + 1);
    char* end = nullptr;
    f.value = std::strtod(last.c_str(), &end);
    if (said.exit_code != 0 || end == last.c_str() || *end != '\0') {
        f.error = last.empty() ? "the client process failed" : last;
    }
    return f;
}

worker_figure run_client_worker(const std::string& kind, const std::string& registry, int cpu,
                                const std::vector<std::string>& arguments) {
    return figure_of(run_to_end(worker_command(kind, registry, cpu, arguments), std::chrono::seconds(120)));
}

} // namespace benchfs::bench
