// fuzz-tests [--file FILE | --write-corpus DIRECTORY | --mutations N] [--seed N] [TARGET...]
//
// Without options: the corpus of each target and its number of mutations. An input that ends the process or
// takes too long is left in a file, and the last line says how to run it again.
#include "mutate.hpp"
#include "targets.hpp"

#include "benchfs/base/log.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace benchfs::fuzz {
namespace {

constexpr unsigned longest_run_s = 20; // of one input, sanitizers and a loaded machine included

// What runs now, for the signal handler.
const_byte_span running;
char left_in[256] = "";
char farewell[640] = "";

void say(const char* text) {
    const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
    (void)written;
}

extern "C" void on_death(int signal) {
    const int file = ::open(left_in, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (file >= 0) {
        const ssize_t written = ::write(file, running.data(), running.size());
        (void)written;
        ::close(file);
    }
    say(signal == SIGALRM ? "this input takes too long\n" : "this input ends the process\n");
    say(farewell);
    std::signal(signal, SIG_DFL);
    ::raise(signal == SIGALRM ? SIGABRT : signal);
}

void watch(const target& t, const char* program) {
    const std::string name(t.name);
    std::snprintf(left_in, sizeof left_in, "fuzz-%s.bad", name.c_str());
    std::snprintf(farewell, sizeof farewell, "it is in %s; to run it again: %s --file %s %s\n", left_in,
                  program, left_in, name.c_str());
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGALRM}) {
        std::signal(signal, on_death);
    }
}

void run_one(const target& t, const byte_string& input) {
    running = input;
    ::alarm(longest_run_s);
    t.run(input);
    ::alarm(0);
}

struct arguments {
    std::string file;
    std::string corpus;
    std::uint64_t seed = 1;
    std::int64_t mutations = -1; // as the target says
    std::vector<std::string> targets;
};

int usage() {
    std::fprintf(stderr,
                 "usage: fuzz-tests [--file FILE | --write-corpus DIRECTORY | --mutations N] [--seed N] "
                 "[TARGET...]\ntargets:\n");
    for (const target* t : all_targets) {
        std::fprintf(stderr, "  %-16s %s\n", std::string(t->name).c_str(), std::string(t->help).c_str());
    }
    return 2;
}

bool write_corpus(const target& t, const std::string& directory) {
    std::size_t number = 0;
    for (const byte_string& input : t.corpus()) {
        const std::string path = directory + "/" + std::string(t.name) + "-" + std::to_string(number++);
        std::ofstream out(path, std::ios::binary);
        out.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
        if (!out) {
            std::fprintf(stderr, "fuzz-tests: cannot write %s\n", path.c_str());
            return false;
        }
    }
    return true;
}

bool run_file(const target& t, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.good() && !in.eof()) {
        std::fprintf(stderr, "fuzz-tests: cannot read %s\n", path.c_str());
        return false;
    }
    run_one(t, bytes_of_text(text));
    return true;
}

void run_target(const target& t, const arguments& args) {
    const std::vector<byte_string> corpus = t.corpus();
    for (const byte_string& input : corpus) { run_one(t, input); }
    const auto wanted = args.mutations >= 0 ? static_cast<std::uint64_t>(args.mutations) : t.mutations;
    prng random(args.seed);
    for (std::uint64_t i = 0; i < wanted; ++i) { run_one(t, mutate(corpus, random)); }
    std::printf("%-16s %zu inputs and %llu mutations survived\n", std::string(t.name).c_str(), corpus.size(),
                static_cast<unsigned long long>(wanted));
}

bool parse(int argc, char** argv, arguments& args) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (!word.starts_with("--")) {
            args.targets.push_back(word);
            continue;
        }
        if (++i == argc) { return false; }
        if (word == "--file") {
            args.file = argv[i];
        } else if (word == "--write-corpus") {
            args.corpus = argv[i];
        } else if (word == "--seed") {
            args.seed = std::strtoull(argv[i], nullptr, 10);
        } else if (word == "--mutations") {
            args.mutations = std::strtoll(argv[i], nullptr, 10);
        } else {
            return false;
        }
    }
    const auto known = [](const std::string& name) {
        return std::ranges::any_of(all_targets, [&](const target* t) { return t->name == name; });
    };
    return std::ranges::all_of(args.targets, known) && (args.file.empty() || args.targets.size() == 1);
}

int run(int argc, char** argv) {
    arguments args;
    if (!parse(argc, argv, args)) { return usage(); }
    set_log_level(log_level::off); // rubbish is complained about, over and over
    for (const target* t : all_targets) {
        if (!args.targets.empty() && std::ranges::find(args.targets, t->name) == args.targets.end()) {
            continue;
        }
        watch(*t, argv[0]);
        if (!args.corpus.empty()) {
            if (!write_corpus(*t, args.corpus)) { return 1; }
        } else if (!args.file.empty()) {
            if (!run_file(*t, args.file)) { return 1; }
        } else {
            run_target(*t, args);
        }
    }
    return 0;
}

} // namespace
} // namespace benchfs::fuzz

int main(int argc, char** argv) { return benchfs::fuzz::run(argc, argv); }
