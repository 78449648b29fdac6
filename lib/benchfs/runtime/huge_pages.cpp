#include "benchfs/runtime/huge_pages.hpp"

#include <cstdio>
#include <cstring>
#include <sys/mman.h>

namespace benchfs::runtime {
namespace {

/// madvise() succeeds also where an administrator has switched huge pages off.
bool switched_off() noexcept {
    std::FILE* in = std::fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (in == nullptr) { return true; }
    char line[128] = {};
    const bool never = std::fgets(line, sizeof line, in) == nullptr || std::strstr(line, "[never]") != nullptr;
    std::fclose(in);
    return never;
}

} // namespace

bool use_huge_pages(std::byte* from, std::size_t bytes) noexcept {
    return ::madvise(from, bytes, MADV_HUGEPAGE) == 0 && !switched_off();
}

} // namespace benchfs::runtime
