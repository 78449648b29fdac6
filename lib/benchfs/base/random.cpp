#include "benchfs/base/random.hpp"

#include <sys/random.h>

#include <cerrno>

namespace benchfs {
namespace {

class kernel_random final : public random_source {
public:
    [[nodiscard]] status fill(byte_span out) noexcept override {
        while (!out.empty()) {
            const ssize_t n = ::getrandom(out.data(), out.size(), 0);
            if (n < 0 && errno == EINTR) { continue; }
            if (n < 0) { return from_errno(errno); }
            out = out.subspan(static_cast<std::size_t>(n));
        }
        return ok();
    }
};

} // namespace

random_source& system_random() noexcept {
    static kernel_random only;
    return only;
}

} // namespace benchfs
