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

bool make(const std::string& path, const std::vector<char>& bytes) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) { return false; }
    const bool good = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    const int error = errno;
    const bool closed = ::close(fd) == 0;
    if (!good) { errno = error; }
    return good && closed;
}

/// One stretch of small files; false with errno set.
bool small_files(const std::string& folder, const std::vector<char>& bytes, std::size_t count,
                 bool one_by_one) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::string path = folder + "/" + std::to_string(i);
        if (!make(path, bytes)) { return false; }
        if (one_by_one && ::unlink(path.c_str()) != 0) { return false; }
    }
    for (std::size_t i = 0; i < count && !one_by_one; ++i) {
        if (::unlink((folder + "/" + std::to_string(i)).c_str()) != 0) { return false; }
    }
    return true;
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

raw_result measure_small_files(const std::string& directory, std::size_t bytes, std::size_t count,
                               bool one_by_one) {
    constexpr int stretches = 5;
    raw_result outcome;
    const scratch_directory scratch(directory);
    const std::vector<char> data(bytes, 'x');
    std::vector<double> taken;
    for (int s = 0; s <= stretches; ++s) {
        const double start = now_us();
        if (scratch.path().empty() || !small_files(scratch.path(), data, count, one_by_one)) {
            outcome.error = directory + ": " + std::strerror(errno);
            return outcome;
        }
        if (s > 0) { taken.push_back((now_us() - start) / static_cast<double>(count)); }
    }
    outcome.microseconds = median(std::move(taken));
    return outcome;
}

} // namespace benchfs::bench
