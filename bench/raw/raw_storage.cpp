#include "raw_storage.hpp"

#include "../common/child.hpp"
#include "../common/statistics.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <vector>

namespace benchfs::bench {

namespace {

/// One operation on one file; the time of it alone, or below 0 with errno set.
double one(file_operation op, const std::string& path, std::vector<char>& bytes) {
    const double start = now_us();
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    double taken = now_us() - start;
    if (fd < 0) { return -1; }
    bool good = true;
    if (op != file_operation::create) {
        const double begin = now_us();
        good = ::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
        taken = now_us() - begin;
    }
    if (good && op == file_operation::read) {
        const double begin = now_us();
        good = ::pread(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
        taken = now_us() - begin;
    }
    const int error = errno;
    ::close(fd);
    errno = error;
    return good ? taken : -1;
}

} // namespace

raw_result measure_file_operation(file_operation op, const std::string& directory, std::size_t bytes,
                                  std::size_t count) {
    raw_result outcome;
    std::error_code ignored;
    std::filesystem::create_directories(directory, ignored);
    const scratch_directory scratch(directory);
    std::vector<char> data(bytes, 'x');
    std::vector<double> taken;
    for (std::size_t i = 0; i < count && !scratch.path().empty(); ++i) {
        const double t = one(op, scratch.path() + "/" + std::to_string(i), data);
        if (t < 0) { break; }
        taken.push_back(t);
    }
    if (taken.size() < count || count == 0) {
        outcome.error = directory + ": " + std::strerror(errno);
        return outcome;
    }
    outcome.microseconds = median(std::move(taken));
    return outcome;
}

} // namespace benchfs::bench
