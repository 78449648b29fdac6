#include "store_driver.hpp"

#include "benchfs/storage/log_window.hpp"

#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace benchfs::storage {
namespace {

constexpr std::uint64_t log_size = 256 * KiB;

/// A file of zeros in the scratch directory.
class log_file {
public:
    explicit log_file(const std::string& directory)
        : fd(::open((directory + "/log").c_str(), O_RDWR | O_CREAT, 0600)) {
        const byte_vector zeros(log_size);
        REQUIRE(::pwrite(fd, zeros.data(), zeros.size(), 0) == static_cast<::ssize_t>(log_size));
    }
    log_file(const log_file&) = delete;
    log_file& operator=(const log_file&) = delete;
    ~log_file() { ::close(fd); }

    [[nodiscard]] byte_vector content() const {
        byte_vector bytes(log_size);
        REQUIRE(::pread(fd, bytes.data(), bytes.size(), 0) == static_cast<::ssize_t>(log_size));
        return bytes;
    }
    int fd;
};

void put(byte_vector& model, std::uint64_t offset, const byte_vector& bytes) {
    std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
}

} // namespace

TEST_CASE("records through the window are what a reader of the file sees") {
    scratch_dir dir;
    log_file file(dir.path());
    log_window window(true);
    byte_vector model(log_size);
    std::uint64_t at = 0;
    std::int64_t now = 5;
    int copied = 0;
    for (std::uint64_t n = 0; at + 2000 < log_size; ++n) {
        const byte_vector record = pattern(100 + n * 37 % 1900, n);
        // As the log does it: what the window refuses is written.
        if (window.copy(file.fd, log_size, at, record, now)) {
            ++copied;
        } else {
            REQUIRE(::pwrite(file.fd, record.data(), record.size(), static_cast<::off_t>(at)) ==
                    static_cast<::ssize_t>(record.size()));
        }
        put(model, at, record);
        at += record.size();
        now += n % 7 == 0 ? 1500 : 1;
        if (n % 5 == 0) {
            REQUIRE(::fdatasync(file.fd) == 0);
            window.look_again();
        }
    }
    REQUIRE(copied > 100);
    REQUIRE((file.content() == model));
    // Back at the beginning, as after a checkpoint.
    const byte_vector again = pattern(500, 77);
    REQUIRE(window.copy(file.fd, log_size, 0, again, now));
    put(model, 0, again);
    REQUIRE((file.content() == model));
}

TEST_CASE("the window leaves to write() what it cannot do") {
    scratch_dir dir;
    log_file file(dir.path());
    const byte_vector record = pattern(4096, 1);
    log_window window(true);
    REQUIRE(!window.copy(file.fd, log_size, 64 * KiB - 100, record, 1));         // across its end
    REQUIRE(!window.copy(file.fd, log_size, log_size - 100, record, 1));         // across the file's
    REQUIRE(!window.copy(file.fd, log_size - 4096, log_size - 8192, record, 1)); // too near to it
    REQUIRE(window.copy(file.fd, log_size, 0, record, 1));
    // A file that somebody has cut short: the kernel says so before a signal does.
    REQUIRE(::ftruncate(file.fd, 0) == 0);
    window.look_again();
    REQUIRE(!window.copy(file.fd, log_size, 4096, record, 2));
    log_window forbidden(false);
    REQUIRE(!forbidden.copy(file.fd, log_size, 0, record, 1));
}

} // namespace benchfs::storage
